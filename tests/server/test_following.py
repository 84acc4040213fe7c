"""What a phone on a bad line needs: events, sending again, finding its jobs."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from flask import g
from PIL import Image
from werkzeug.test import TestResponse

from server.container import Services, services_of

from .conftest import FRAMES, LONG, Client, until


def events(answer: TestResponse) -> list[dict[str, Any]]:
    """The data of all events of a stream that has ended."""
    blocks = [
        dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        for block in answer.text.strip().split("\n\n")
    ]
    return [json.loads(block["data"]) for block in blocks if block.get("event") == "job"]


def send(client: Client, key: str, **form: Any) -> TestResponse:
    data = {"portrait": "eileen-collins", "template": "turn", "consent": "true", **form}
    return client.post(
        "/v1/animations",
        data={k: v for k, v in data.items() if v is not None},
        content_type="multipart/form-data",
        headers={"Idempotency-Key": key},
    )


def test_events_tell_a_job_until_it_ends(client: Client) -> None:
    made = client.order(metadata="mine")
    answer = client.get(f"{made.headers['Location']}/events")
    assert (answer.status_code, answer.mimetype) == (200, "text/event-stream")
    assert answer.text.startswith("retry: ")
    told = events(answer)
    assert told[-1] == client.job(made)
    assert (told[-1]["status"], told[-1]["frames_done"], told[-1]["metadata"]) == (
        "succeeded",
        FRAMES,
        "mine",
    )
    assert all(a["progress"] <= b["progress"] for a, b in pairwise(told))


def test_events_of_a_cancelled_job_end(client: Client) -> None:
    made = client.order(template=LONG)
    client.delete(made.headers["Location"])
    assert events(client.get(f"{made.headers['Location']}/events"))[-1]["status"] == "cancelled"


def test_events_of_no_job(client: Client) -> None:
    assert client.get("/v1/animations/none/events").json["code"] == "not_found"  # type: ignore[index]


def test_with_too_many_listeners_a_stream_tells_the_present_and_ends(
    client: Client, services: Services
) -> None:
    made = client.order(template=LONG)
    taken = 0
    while services.wait_slots.acquire(blocking=False):
        taken += 1
    try:
        assert len(events(client.get(f"{made.headers['Location']}/events"))) == 1
    finally:
        for _ in range(taken):
            services.wait_slots.release()
        client.delete(made.headers["Location"])


def test_a_listener_who_leaves_gives_the_place_free(make_app: Callable[..., APIFlask]) -> None:
    app = make_app(http_threads=2)
    client, use = app.test_client(), services_of(app)
    until(lambda: use.jobs.ready, bool)
    made = client.order(template=LONG)  # type: ignore[attr-defined]
    with app.test_request_context():
        g.owner = None
        response = app.view_functions["events.follow"](id=made.json["id"])
        next(iter(response.response))
        assert not use.wait_slots.acquire(blocking=False)
        response.close()
        assert use.wait_slots.acquire(blocking=False)
    use.jobs.cancel(made.json["id"])  # or else the end waits for it


def test_sending_again_with_the_same_key_makes_one_job(client: Client, portrait: Path) -> None:
    def photo() -> Any:
        return io.BytesIO(portrait.read_bytes()), "me.jpg"

    first = send(client, "a-1", portrait=None, selfie=photo())
    again = send(client, "a-1", portrait=None, selfie=photo())
    assert first.json is not None and again.json is not None
    assert (again.status_code, again.json["id"]) in ((202, first.json["id"]), (200, first.json["id"]))
    assert client.ended(again)["status"] == "succeeded"  # the upload was read twice and is whole
    other = send(client, "a-2")
    assert other.json is not None and other.json["id"] != first.json["id"]


def test_the_same_key_for_another_order_is_refused(client: Client) -> None:
    send(client, "b-1")
    for form in ({"format": "gif"}, {"portrait": "peter-i"}, {"metadata": "x"}):
        answer = send(client, "b-1", **form)
        assert (answer.status_code, answer.json["code"]) == (422, "idempotency_conflict")  # type: ignore[index]


@pytest.mark.parametrize("key", ["", "with space", "x" * 256, "é"])
def test_a_key_that_is_none(client: Client, key: str) -> None:
    answer = send(client, key)
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_option")  # type: ignore[index]


def test_the_list_comes_by_pages_latest_first(client: Client) -> None:
    ids = [client.order().json["id"] for _ in range(3)]  # type: ignore[index]
    seen: list[str] = []
    cursor = ""
    while len(seen) < 3:
        page = client.get(
            "/v1/animations", query_string={"limit": 1, **({"cursor": cursor} if cursor else {})}
        )
        assert page.json is not None and len(page.json["animations"]) == 1
        seen.append(page.json["animations"][0]["id"])
        cursor = page.json["next"]
    assert seen == ids[::-1]
    whole = client.get("/v1/animations?limit=100").json
    assert whole is not None and [job["id"] for job in whole["animations"][:3]] == seen


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "cursor=none"])
def test_a_page_that_is_none(client: Client, query: str) -> None:
    answer = client.get(f"/v1/animations?{query}")
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_option")  # type: ignore[index]


def test_metadata_is_given_back_up_to_a_kilobyte(client: Client) -> None:
    text = '{"user": "é"}' + "x" * 900
    assert client.order(metadata=text).json["metadata"] == text  # type: ignore[index]
    for bad in ("é" * 501, "a\0b"):
        assert client.order(metadata=bad).json["code"] == "invalid_option"  # type: ignore[index]


def test_the_latest_frame_of_a_running_job_is_a_picture(client: Client) -> None:
    address = client.order(template=LONG).headers["Location"]
    until(lambda: client.get(f"{address}/frame").status_code, lambda status: status == 200)
    answer = client.get(f"{address}/frame")
    assert (answer.mimetype, answer.headers["Cache-Control"]) == ("image/jpeg", "no-store")
    assert max(Image.open(io.BytesIO(answer.data)).size) <= 512
    client.delete(address)
    assert client.get(f"{address}/frame").status_code == 204  # nothing is kept of what was deleted


def test_a_job_that_has_ended_has_no_frame(client: Client) -> None:
    made = client.order()
    assert client.ended(made)["status"] == "succeeded"
    assert client.get(f"{made.headers['Location']}/frame").status_code == 204
    assert client.get("/v1/animations/nobody/frame").status_code == 404
