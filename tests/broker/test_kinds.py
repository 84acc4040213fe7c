"""A worker leaves kinds of work that it does not know to others, with their messages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import update

from server.database.database import Database
from server.jobs import JobRepository
from server.jobs.kinds import DEFAULT
from server.jobs.table import jobs
from server.jobs.wakeup import WorkerPool

from .machines import Process, Server, Worker

pytestmark = pytest.mark.broker
NEWER = "mime"  # no release knows it


@pytest.fixture(params=["redis", "rabbitmq"])
def broker(request: pytest.FixtureRequest) -> str:
    found: str | tuple[str, Process] = request.getfixturevalue(request.param)
    return found if isinstance(found, str) else found[0]


@pytest.fixture
def server(broker: str, gallery: Path, tmp_path: Path) -> Iterator[Server]:
    server = Server(
        tmp_path, REENACT_TEMPLATES=str(gallery), REENACT_BROKER=broker, REENACT_LEASE_SECONDS="2"
    )
    try:
        server.ready()
        yield server
    finally:
        server.kill()


def test_an_order_of_a_newer_release_waits_for_its_workers(
    server: Server, broker: str, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        newer = server.order()
        database = stack.enter_context(closing(Database(None, tmp_path / "var")))
        with database.write() as connection:
            connection.execute(update(jobs).values(kind=NEWER))
        woken = Event()
        theirs = WorkerPool(broker, 1, (NEWER,), lambda: woken.set())
        stack.callback(theirs.stop, 1)
        theirs.open()
        theirs.notify(NEWER)
        worker = Worker(server, tmp_path / "worker.log", "--kinds", DEFAULT)
        stack.callback(worker.kill)
        worker.ready()
        assert server.ended(server.order())["status"] == "succeeded"
        left = server.job(newer)
        assert (left["status"], left["queue_position"]) == ("queued", 1)
        told = server.ask("/metrics").decode()
        assert f'reenact_queued_jobs{{kind="{NEWER}"}} 1.0\n' in told
        assert f'reenact_workers{{kind="{NEWER}"}} 0.0\n' in told
        assert f'reenact_workers{{kind="{DEFAULT}"}} 1.0\n' in told
        assert worker.stop() == 0
        assert f'reenact_workers{{kind="{DEFAULT}"}}' not in server.ask("/metrics").decode()
        assert not woken.is_set()
        theirs.start()  # their worker gets the message that the other has left
        assert woken.wait(60)
        claim = JobRepository(database).claim(60, kinds=(NEWER,))
        assert claim and claim.job.id == newer
