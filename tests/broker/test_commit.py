"""A line to PostgreSQL that breaks in the middle of a commit, so that nobody is told whether it was done."""

from __future__ import annotations

import json
import pickle
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread
from urllib.error import HTTPError

import pytest
from sqlalchemy.exc import OperationalError

from reenact.gallery import get_portrait
from server.database.database import Database
from server.database.outage import is_unreachable
from server.errors import NotFound, SubmissionUncertain
from server.jobs import Job, JobRepository, Order, Outcome

from .machines import Server, free_port, wait_for

pytestmark = pytest.mark.broker
OUTCOME = Outcome(None, 4, 6, 2, 12.5, (), {"find": 1.0})


class Line:
    """Passes on what comes, until it is to break at the next commit."""

    def __init__(self, to: int) -> None:
        self.port, self._to = free_port(), to
        self._door = socket.create_server(("127.0.0.1", self.port))
        self.breaks = ""  # "before" the server gets the next COMMIT, "after", or "long before"
        self.order = False  # whether it has to be that of an order
        self.closed_for = 0.0  # seconds for which it breaks
        self._until = 0.0
        Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._door.accept()
                if time.monotonic() < self._until:
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self._to))
                Thread(target=self._pass_on, args=(near, far, True), daemon=True).start()
                Thread(target=self._pass_on, args=(far, near, False), daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket, asked: bool) -> None:
        ordered = not self.order
        with suppress(OSError), one, other:
            while piece := one.recv(65536):
                ordered = ordered or b"INSERT INTO jobs" in piece
                if asked and self.breaks and ordered and b"COMMIT" in piece:
                    self._break(one, other, piece)
                    return
                other.sendall(piece)

    def _break(self, near: socket.socket, far: socket.socket, piece: bytes) -> None:
        when, self.breaks = self.breaks, ""
        self._until = time.monotonic() + self.closed_for
        near.shutdown(socket.SHUT_RDWR)  # the answer finds nobody
        if when == "long before":
            time.sleep(2.0)
        if when != "before":
            far.sendall(piece)
            time.sleep(0.3)
        far.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def line(postgres: str) -> Iterator[Line]:
    line = Line(int(postgres.rpartition(":")[2].partition("/")[0]))
    yield line
    line.close()


@pytest.fixture
def url(line: Line, postgres: str) -> str:
    """Of the database, by way of the line."""
    return f"postgresql://reenact@127.0.0.1:{line.port}/{postgres.rpartition('/')[2]}"


@pytest.fixture
def records(url: str, tmp_path: Path) -> Iterator[JobRepository]:
    database = Database(url, tmp_path)
    database.prepare()
    yield JobRepository(database)
    database.close()


def add(records: JobRepository, id: str = "a") -> Job | None:
    return records.insert(Job(id, Order(f"place-{id}"), "queued", 0.0, 3), None)


@pytest.mark.parametrize("when", ["after", "long before"])
def test_an_order_that_was_taken_though_nobody_said_so_is_found(
    records: JobRepository, line: Line, when: str
) -> None:
    line.breaks = when
    taken = add(records)
    assert taken and taken == records.get("a", None)


def test_what_breaks_in_the_engines_process_is_told_in_the_other(records: JobRepository, line: Line) -> None:
    line.breaks = "before"
    with pytest.raises(OperationalError) as caught:
        add(records)
    assert is_unreachable(pickle.loads(pickle.dumps(caught.value)))


def test_an_order_that_was_not_taken_is_said_not_to_be(records: JobRepository, line: Line) -> None:
    line.breaks = "before"
    with pytest.raises(OperationalError) as caught:
        add(records)
    assert is_unreachable(caught.value) and not isinstance(caught.value, SubmissionUncertain)
    with pytest.raises(NotFound):
        records.get("a", None)


def test_an_order_of_which_nobody_can_say_it(
    records: JobRepository, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.jobs.repository.SETTLE_SECONDS", 1.0)
    line.breaks, line.closed_for = "after", 3.0
    with pytest.raises(SubmissionUncertain):
        add(records)
    time.sleep(3.0)
    assert records.get("a", None).status == "queued"


def test_a_job_that_ended_though_nobody_said_so_is_not_undone(records: JobRepository, line: Line) -> None:
    add(records)
    claim = records.claim(60)
    assert claim
    line.breaks = "after"
    assert records.succeed(claim.lease, OUTCOME)
    assert records.get("a", None).outcome == OUTCOME


def test_an_attempt_whose_job_was_taken_meanwhile_has_lost_it(records: JobRepository, line: Line) -> None:
    add(records)
    claim = records.claim(60)
    assert claim
    records.cancel("a", None)
    line.breaks = "before"
    assert not records.succeed(claim.lease, OUTCOME)
    assert records.get("a", None).status == "cancelled"


def test_an_order_that_nobody_could_confirm_is_done_once(
    line: Line, url: str, gallery: Path, tmp_path: Path
) -> None:
    selfie = get_portrait("eileen-collins").path
    server = Server(tmp_path, REENACT_DATABASE=url, REENACT_TEMPLATES=str(gallery))
    try:
        server.ready(120)
        line.order, line.breaks, line.closed_for = True, "after", 8.0
        with pytest.raises(HTTPError) as caught:
            server.order("key", selfie=selfie)
        with caught.value as answer:
            problem = json.load(answer)
        assert (problem["status"], problem["code"]) == (503, "database_unavailable")
        assert "Idempotency-Key" in problem["detail"] and int(answer.headers["Retry-After"])
        wait_for(lambda: server.ask("/v1/animations"), what="the database")
        id = server.order("key", selfie=selfie)
        assert server.ended(id)["status"] == "succeeded"  # its selfie is still there
        assert [job["id"] for job in json.loads(server.ask("/v1/animations"))["animations"]] == [id]
    finally:
        server.kill()
