"""A selfie that is kept on request: used again by its key alone, and gone when it should be."""

from __future__ import annotations

import io
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from apiflask import APIFlask
from PIL import Image

from server.container import Services, services_of

from .conftest import PORTRAIT, Client, until

Make = Callable[..., APIFlask]


def visitor(app: APIFlask) -> Client:
    client = app.test_client()
    assert isinstance(client, Client)
    return client


def files(services: Services) -> list[str]:
    """What lies in the uploads."""
    uploads = services.settings.data / "uploads"
    return sorted(path.name for path in uploads.rglob("*") if path.is_file())


def keep(client: Client, portrait: Path) -> str:
    """Order with a selfie that is to be kept; the id of the job, which has succeeded."""
    selfie = (io.BytesIO(portrait.read_bytes()), "selfie.jpg")
    job = client.order(prefer="wait=30", selfie=selfie, keep_selfie="true", paste="crop").json
    assert job and job["status"] == "succeeded"
    assert job["selfie_expires_at"] >= job["result"]["expires_at"]  # both in UTC, as text
    return str(job["id"])


def test_a_kept_selfie_moves_again_without_being_sent(make_app: Make, portrait: Path) -> None:
    app = make_app()
    client, services = visitor(app), services_of(app)
    kept = keep(client, portrait)
    until(lambda: files(services), lambda found: found == ["selfie"])
    again = client.order(prefer="wait=30", portrait=None, selfie_of=kept, paste="crop").json
    assert again and again["status"] == "succeeded" and again["selfie_expires_at"] is None
    until(lambda: files(services), lambda found: found == ["selfie"])  # the copy died with its job
    assert services.sweep(-60.0).uploads == 0
    consents = services.consents.find(sha256(portrait.read_bytes()).hexdigest())
    assert {each.job for each in consents} == {kept, again["id"]}
    assert client.order(portrait=None, selfie_of=kept, consent="false").status_code == 422
    client.delete(f"/v1/animations/{kept}")
    assert files(services) == []
    assert client.get(f"/v1/animations/{kept}").json["selfie_expires_at"] is None
    gone = client.order(portrait=None, selfie_of=kept)
    assert (gone.status_code, gone.json["code"]) == (410, "gone")  # type: ignore[index]


def test_a_kept_selfie_is_gone_when_its_time_is_over(make_app: Make, portrait: Path) -> None:
    app = make_app(result_hours=0.001, sweep_seconds=0.2)
    kept = keep(visitor(app), portrait)
    until(lambda: files(services_of(app)), lambda found: found == [], 20)
    until(lambda: visitor(app).order(portrait=None, selfie_of=kept).status_code, lambda code: code == 404, 20)


def test_what_does_not_succeed_keeps_nothing(make_app: Make) -> None:
    app = make_app()
    client = visitor(app)
    blank = io.BytesIO()
    Image.new("RGB", (256, 256)).save(blank, "PNG")
    blank.seek(0)
    job = client.order(prefer="wait=30", selfie=(blank, "selfie.png"), keep_selfie="true").json
    assert job and job["status"] == "failed" and job["selfie_expires_at"] is None
    until(lambda: files(services_of(app)), lambda found: found == [])
    assert client.order(portrait=None, selfie_of=job["id"]).status_code == 410


def test_another_key_finds_no_such_selfie(make_app: Make, portrait: Path) -> None:
    app = make_app()
    mine, other = visitor(app), visitor(app)
    for client in (mine, other):
        _, text = services_of(app).keys.add("phone")
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {text}"
    kept = keep(mine, portrait)
    refused = other.order(portrait=None, selfie_of=kept)
    unknown = other.order(portrait=None, selfie_of="0" * 32)
    assert (refused.status_code, unknown.status_code) == (404, 404)
    assert refused.json["detail"] == unknown.json["detail"]  # type: ignore[index]
    assert mine.order(portrait=None, selfie_of=kept).status_code == 202


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"portrait": PORTRAIT, "keep_selfie": "true"}, "keep_selfie"),
        ({"portrait": PORTRAIT, "selfie_of": "0" * 32}, "selfie_of"),
    ],
)
def test_what_contradicts_itself_is_refused(client: Client, form: dict[str, str], said: str) -> None:
    answer = client.order(**form)
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_option")  # type: ignore[index]
    assert said in answer.json["detail"]  # type: ignore[index]


def test_a_selfie_that_was_not_to_be_kept_is_not_used_again(client: Client) -> None:
    job = client.order(prefer="wait=30", paste="crop").json
    assert job
    answer = client.order(portrait=None, selfie_of=job["id"])
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_option")  # type: ignore[index]
