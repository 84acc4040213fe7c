"""What clients get while the server's disk is really full, and afterwards."""

from __future__ import annotations

import errno
import io
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from apiflask import APIFlask

from reenact.engine import Engine
from reenact.errors import DiskFull, SetupError
from reenact.pipeline import Animated, animate
from server.container import services_of
from server.database.database import open_database
from server.disk import is_full
from server.engine.process import _picklable
from server.storage import StoredResult
from tests.disk import Disk

from .conftest import Client, until
from .test_bad_input import check

pytestmark = pytest.mark.real_engine  # whose results are large
ROOM = 200_000  # bytes: enough for records, too few for a result of a thousand pixels


@dataclass
class Full:
    """A service whose data lie on a small disk."""

    disk: Disk
    app: APIFlask
    client: Client

    def left(self) -> list[Path]:
        return [path for kind in ("uploads", "results") for path in (self.disk.folder / kind).iterdir()]


@pytest.fixture
def begin(
    small_disk: Callable[[str], Disk], make_app: Callable[..., APIFlask], engine: Engine
) -> Callable[..., Full]:
    def begin(open_engine: Callable[[], Engine] = lambda: engine) -> Full:
        disk = small_disk("var0")  # where the first app has its data
        app = make_app(open_engine, lease_seconds=1)
        client = app.test_client()
        assert isinstance(client, Client)
        return Full(disk, app, client)

    return begin


def test_an_order_is_refused_and_leaves_nothing_and_a_later_one_is_done(
    begin: Callable[..., Full], portrait: Path
) -> None:
    full = begin()
    photo = portrait.read_bytes()
    full.disk.fill()
    for refused in (
        full.client.order(selfie=(io.BytesIO(photo), "me.jpg")),
        full.client.order(),  # has no file, only its record
        full.client.post("/v1/verify", data={"file": (io.BytesIO(photo), "me.jpg")}),
    ):
        assert "disk is full" in check(refused, 507, "disk_full")["detail"]
    assert full.left() == [] and full.client.get("/v1/animations").json == {"animations": [], "next": None}
    full.disk.empty()
    answer = full.client.order(selfie=(io.BytesIO(photo), "me.jpg"), prefer="wait=30")
    assert answer.json and answer.json["status"] == "succeeded"


def count_made(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What is rendered from now on."""
    made: list[object] = []

    def counted(*arguments: Any) -> Animated:
        made.append(arguments)
        return animate(*arguments)

    monkeypatch.setattr("server.engine.work.animate", counted)
    return made


def test_a_result_that_does_not_fit_ends_its_job_and_the_next_one_is_done(
    begin: Callable[..., Full], monkeypatch: pytest.MonkeyPatch
) -> None:
    full = begin()
    until(lambda: services_of(full.app).jobs.ready, bool)
    full.client.ended(full.client.order(paste="crop"))  # the database has grown
    before = until(full.left, lambda left: len(left) == 1)  # the result alone
    full.disk.fill(leave=ROOM)
    made = count_made(monkeypatch)
    job = full.client.ended(full.client.order(size="1024", format="webp"))
    assert (job["status"], job["error"]["code"]) == ("failed", "disk_full")
    assert "disk is full" in job["error"]["detail"] and str(full.disk.folder) not in job["error"]["detail"]
    assert len(made) == 1  # made anew it would not fit either
    until(full.left, lambda left: left == before)
    full.disk.empty()
    assert full.client.ended(full.client.order(paste="crop"))["status"] == "succeeded"


def test_a_result_whose_record_does_not_fit_makes_room_for_that_of_its_end(
    begin: Callable[..., Full], monkeypatch: pytest.MonkeyPatch
) -> None:
    full = begin()
    until(lambda: services_of(full.app).jobs.ready, bool)
    publish = services_of(full.app).storage.publish

    def publish_the_last(file: Path, token: str | None = None) -> StoredResult:
        stored = publish(file, token)
        full.disk.fill()
        return stored

    monkeypatch.setattr(services_of(full.app).storage, "publish", publish_the_last)
    made = count_made(monkeypatch)
    job = full.client.ended(full.client.order(paste="crop"))
    assert (job["status"], job["error"]["code"], len(made)) == ("failed", "disk_full", 1)
    until(full.left, lambda left: left == [])


def test_after_a_result_that_did_not_fit_the_next_job_is_left_to_others_for_a_while(
    begin: Callable[..., Full],
) -> None:
    full = begin()
    services = services_of(full.app)
    runner: Any = services.jobs._runner
    until(lambda: services.jobs.ready, bool)
    full.disk.fill(leave=ROOM)
    full.client.ended(full.client.order(size="1024", format="webp"))
    assert 0 < runner._paused_until - time.monotonic() <= services.settings.lease_seconds
    runner._paused_until = math.inf
    full.disk.empty()
    waits = full.client.order(paste="crop")
    assert not runner.run_next() and full.client.job(waits)["status"] == "queued"
    runner._paused_until = 0.0
    assert full.client.ended(waits)["status"] == "succeeded"


def late(begin: Callable[..., Full], engine: Engine) -> tuple[Full, Event]:
    """A service whose engine opens when it is told to."""
    opens = Event()

    def open_engine() -> Engine:
        opens.wait(60)
        return engine

    return begin(open_engine), opens


def test_a_job_waits_until_its_record_can_be_written_again(
    begin: Callable[..., Full], engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    full, opens = late(begin, engine)
    taken = full.client.order(paste="crop")
    full.disk.fill()
    opens.set()
    until(lambda: services_of(full.app).jobs._ready, bool)
    assert full.client.job(taken)["status"] == "queued"
    # Truncating would make room.
    monkeypatch.setattr(services_of(full.app).database, "truncate_journal", lambda: None)
    check(full.client.delete(f"/v1/animations/{taken.json['id']}"), 507, "disk_full")  # type: ignore[index]
    full.disk.empty()
    assert full.client.ended(taken)["status"] == "succeeded"


def test_what_is_made_can_be_deleted(begin: Callable[..., Full]) -> None:
    full = begin()
    made = full.client.order(paste="crop", metadata="mine")
    url = full.client.ended(made)["result"]["url"]
    full.disk.fill()
    address = f"/v1/animations/{made.json['id']}"  # type: ignore[index]
    for _ in range(2):
        assert full.client.delete(address).status_code == 204
        assert full.left() == []
        job = full.client.job(made)
        assert (job["status"], job["result"], job["metadata"]) == ("succeeded", None, None)
        assert full.client.get(url).status_code == 404
        full.disk.fill()


@pytest.mark.parametrize("selfie", [True, False])
def test_a_job_that_waits_can_be_cancelled(
    begin: Callable[..., Full], engine: Engine, portrait: Path, selfie: bool
) -> None:
    """Room is made by its uploads, or where it has none by the database's journal."""
    full, opens = late(begin, engine)
    form = {"selfie": (io.BytesIO(portrait.read_bytes()), "me.jpg")} if selfie else {}
    taken = full.client.order(paste="crop", **form)
    full.disk.fill()
    assert full.client.delete(f"/v1/animations/{taken.json['id']}").status_code == 204  # type: ignore[index]
    assert full.client.job(taken)["status"] == "cancelled" and full.left() == []
    opens.set()


def test_to_start_on_a_full_disk_is_refused_in_a_sentence(small_disk: Callable[[str], Disk]) -> None:
    disk = small_disk("full")
    open_database(None, disk.folder).close()
    disk.fill()
    for folder in (disk.folder, disk.folder / "new"):
        with pytest.raises(SetupError, match="is full; free"):
            open_database(None, folder)


def test_what_fails_in_the_engines_process_is_told_as_such() -> None:
    told = _picklable(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    assert isinstance(told, DiskFull) and is_full(told)
    assert not isinstance(_picklable(OSError(errno.EIO, os.strerror(errno.EIO))), DiskFull)
