from __future__ import annotations

import io
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
from apiflask import APIFlask
from PIL import Image

from reenact.engine import Engine
from reenact.errors import WeightsBroken
from reenact.media import open_clip
from server.app import create_app
from server.container import Services, services_of

from .conftest import FRAMES, LONG, LONG_FRAMES, TEMPLATE, Client, until

pytestmark = pytest.mark.real_engine
Upload = tuple[io.BytesIO, str]


def upload(path: Path, name: str = "name") -> Upload:
    return io.BytesIO(path.read_bytes()), name


def uploads(services: Services) -> list[Path]:
    return list((services.settings.data / "uploads").iterdir())


def test_a_waiting_client_gets_the_finished_job(client: Client, services: Services, tmp_path: Path) -> None:
    answer = client.order(prefer="wait=30")
    job = answer.json
    assert job is not None
    assert (answer.status_code, job["status"], job["error"]) == (200, "succeeded", None)
    assert answer.headers["Preference-Applied"] == "wait=30"
    assert (job["progress"], job["frames_done"], job["frames_total"]) == (1, FRAMES, FRAMES)
    assert set(job["timings"]) == {"find", "track", "render"}
    assert len(job["faces"]) == 1 and len(job["faces"][0]["box"]) == 4
    result = job["result"]
    data = client.get(result["url"]).data
    assert (len(data), sha256(data).hexdigest()) == (result["bytes"], result["sha256"])
    (tmp_path / "out.mp4").write_bytes(data)
    clip = open_clip(tmp_path / "out.mp4")
    frames = list(clip.frames)
    assert len(frames) == result["frames"] == FRAMES
    assert frames[0].shape == (result["height"], result["width"], 3)
    assert float(clip.fps) == result["fps"] == 10
    until(lambda: uploads(services), lambda left: left == [])


def test_a_polling_client_sees_it_end(client: Client) -> None:
    answer = client.order()
    assert answer.status_code == 202
    assert answer.json is not None and answer.json["status"] in ("queued", "running")
    assert answer.headers["Location"] == f"/v1/animations/{answer.json['id']}"
    assert client.ended(answer)["status"] == "succeeded"


@pytest.mark.parametrize(("format", "head"), [("gif", b"GIF89a"), ("webp", b"RIFF")])
def test_an_uploaded_selfie_and_clip_in_other_formats(
    client: Client, services: Services, portrait: Path, driving: Path, format: str, head: bytes
) -> None:
    answer = client.order(
        "respond-async, wait=30",
        selfie=upload(portrait),
        driving=upload(driving),
        format=format,
        paste="crop",
    )
    job = answer.json
    assert job is not None and job["status"] == "succeeded", job
    assert (job["result"]["width"], job["result"]["height"]) == (256, 256)
    assert client.get(job["result"]["url"]).data.startswith(head)
    until(lambda: uploads(services), lambda left: left == [])


def picture_without_face() -> Upload:
    noise = np.random.default_rng(0).integers(0, 255, (300, 300, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "PNG")
    return io.BytesIO(buffer.getvalue()), "noise.png"


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"selfie": picture_without_face()}, "no_face_found"),
        ({"face": "7"}, "face_index_out_of_range"),
    ],
)
def test_what_only_the_work_can_find_becomes_the_jobs_error(
    client: Client, services: Services, form: dict[str, Any], code: str
) -> None:
    answer = client.order(prefer="wait=30", **form)
    assert answer.status_code == 200 and answer.json is not None
    job = answer.json
    assert (job["status"], job["error"]["code"], job["result"]) == ("failed", code, None)
    assert job["error"]["detail"].endswith(".")
    until(lambda: uploads(services), lambda left: left == [])


def test_a_failure_of_ours_tells_a_stranger_nothing(
    client: Client, services: Services, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def break_down(*args: object) -> None:
        raise RuntimeError(f"secret of {services.settings.data}")

    monkeypatch.setattr("server.engine.work.animate", break_down)
    answer = client.order(prefer="wait=30")
    assert answer.json is not None
    assert answer.json["error"]["code"] == "internal"
    assert "secret" not in answer.text and str(services.settings.data) not in answer.text
    assert "secret" in caplog.text
    until(lambda: uploads(services), lambda left: left == [])


def test_cancel_stops_a_running_job_and_leaves_nothing(client: Client, services: Services) -> None:
    before = set((services.settings.data / "results").iterdir())
    answer = client.order(template=LONG)
    running = until(lambda: client.job(answer), lambda job: job["frames_done"] > 0)
    assert running["status"] == "running"
    assert 0 < running["progress"] < 1 and running["frames_total"] == LONG_FRAMES
    assert client.delete(f"/v1/animations/{running['id']}").status_code == 204
    job = client.job(answer)
    assert (job["status"], job["result"], job["error"]) == ("cancelled", None, None)
    until(lambda: uploads(services), lambda left: left == [])
    assert client.order(prefer="wait=30").json["status"] == "succeeded"  # type: ignore[index]
    assert client.job(answer)["frames_done"] < LONG_FRAMES
    assert len(set((services.settings.data / "results").iterdir()) - before) == 1


def test_delete_takes_the_result_of_a_finished_job(client: Client) -> None:
    answer = client.order(prefer="wait=30")
    job = client.ended(answer)
    address = f"/v1/animations/{job['id']}"
    assert client.delete(address).status_code == 204
    after = client.get(address).json
    assert after is not None
    assert (after["status"], after["result"], after["faces"]) == ("succeeded", None, [])
    assert client.get(job["result"]["url"]).status_code == 404
    assert client.delete(address).status_code == 204


@pytest.fixture
def stalled(make_app: Callable[..., APIFlask], engine: Engine) -> Any:
    """An app whose engine is not open yet, with room for two jobs."""
    open_it = Event()

    def open_late() -> Engine:
        open_it.wait(60)
        return engine

    yield make_app(open_late, queue_length=2), open_it
    open_it.set()


def test_the_queue_has_an_end_and_an_order(stalled: tuple[APIFlask, Event], portrait: Path) -> None:
    app, open_it = stalled
    client = app.test_client()
    assert isinstance(client, Client)
    assert client.get("/readyz").status_code == 503
    first, second = client.order(selfie=upload(portrait)), client.order(selfie=upload(portrait))
    assert [client.job(each)["queue_position"] for each in (first, second)] == [1, 2]
    full = client.order(selfie=upload(portrait))
    assert (full.status_code, full.json["code"]) == (429, "queue_full")  # type: ignore[index]
    assert 1 <= int(full.headers["Retry-After"]) <= 60
    assert len(uploads(services_of(app))) == 2
    large = client.order(selfie=(io.BytesIO(bytes(3_000_000)), "large.jpg"))
    assert large.status_code == 413  # what has no room is read all the same
    client.delete(first.headers["Location"])
    assert client.job(first)["status"] == "cancelled"
    assert client.job(second)["queue_position"] == 1
    assert len(uploads(services_of(app))) == 1
    open_it.set()
    assert client.ended(second)["status"] == "succeeded"
    assert client.get("/readyz").json == {"status": "ready"}
    assert [job.status for job in services_of(app).jobs.page(None, None, 9)] == ["succeeded", "cancelled"]


def test_an_order_that_was_taken_is_found_again_in_a_full_queue(stalled: tuple[APIFlask, Event]) -> None:
    client = stalled[0].test_client()
    assert isinstance(client, Client)
    sent = [client.order(key=key) for key in ("one", "two", "three")]
    assert [each.status_code for each in sent] == [202, 202, 429]
    again = client.order(key="one")
    assert again.status_code == 202 and again.json == sent[0].json


def test_a_short_wait_ends_before_the_job(stalled: tuple[APIFlask, Event]) -> None:
    client = stalled[0].test_client()
    assert isinstance(client, Client)
    answer = client.order(prefer="wait=0")
    assert (answer.status_code, answer.json["status"]) == (202, "queued")  # type: ignore[index]
    nonsense = client.order(prefer="wait=soon")
    assert nonsense.status_code == 202 and "Preference-Applied" not in nonsense.headers


def test_what_waits_when_the_service_stops_is_done_after_the_next_start(
    stalled: tuple[APIFlask, Event], portrait: Path, engine: Engine
) -> None:
    app, _ = stalled
    client = app.test_client()
    assert isinstance(client, Client)
    waiting = client.order(selfie=upload(portrait))
    assert not services_of(app).close(0.1)  # the engine is still being opened
    refused = client.order()
    assert (refused.status_code, refused.json["code"]) == (503, "not_ready")  # type: ignore[index]
    again = create_app(services_of(app).settings, lambda: engine)
    again.test_client_class = Client
    services_of(again).start()
    client = again.test_client()
    assert isinstance(client, Client)
    assert client.ended(waiting)["status"] == "succeeded"
    assert uploads(services_of(again)) == []
    assert services_of(again).close()
    services_of(app).database.close()


def test_an_engine_that_does_not_open_is_told(
    make_app: Callable[..., APIFlask], caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> Engine:
        raise WeightsBroken("The model is damaged.")

    app = make_app(broken)
    client = app.test_client()
    until(lambda: caplog.text, lambda log: "The model is damaged." in log)
    assert client.get("/readyz").status_code == 503


def test_old_jobs_are_forgotten_with_their_results(make_app: Callable[..., APIFlask]) -> None:
    app = make_app(result_hours=0.001, sweep_seconds=0.2)
    client = app.test_client()
    assert isinstance(client, Client)
    answer = client.order(prefer="wait=30", template=TEMPLATE)
    address, url = answer.headers["Location"], answer.json["result"]["url"]  # type: ignore[index]
    assert client.get(url).status_code == 200
    until(lambda: client.get(url).status_code, lambda status: status == 410, 15)
    until(lambda: client.get(address).status_code, lambda status: status == 404, 15)
    assert list((services_of(app).settings.data / "results").iterdir()) == []
