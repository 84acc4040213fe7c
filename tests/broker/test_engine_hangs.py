"""The process that holds the engine of a server without a broker hangs: that is noticed, and others go on."""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from .gallery import FRAMES
from .machines import Server, delete, wait_for
from .test_engine_process import lives

HANG = {
    "loop": "while True: pass",
    "call": "import ctypes; ctypes.PyDLL(None).sleep(3600)",  # lets nobody else have the interpreter
}
# Put into each Python that is started: one portrait hangs in the engine's process, once or always.
STUB = """import pathlib
if b"server.engine.process" in pathlib.Path("/proc/self/cmdline").read_bytes():
    from server.screening import Screen
    real = Screen.check
    def check(self, engine, submission):
        real(self, engine, submission)
        if submission.portrait == "pocahontas":
            open({begun!r}, "a").write("x")
            {hang}
    Screen.check = check
"""


@pytest.fixture
def start(gallery: Path, tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """start(hang, **settings): a server, killed after the test."""
    servers: list[Server] = []

    def start(hang: str = "pass", **settings: str) -> Server:
        stub = STUB.format(hang=hang, begun=str(tmp_path / "begun"))
        (tmp_path / "sitecustomize.py").write_text(stub)
        path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
        server = Server(tmp_path, REENACT_TEMPLATES=str(gallery), PYTHONPATH=path, **settings)
        servers.append(server)
        server.ready()
        return server

    yield start
    for server in servers:
        server.kill()


def attempts(folder: Path, id: str) -> int:
    with closing(sqlite3.connect(folder / "var" / "reenact.db")) as database:
        return int(database.execute("SELECT attempts FROM jobs WHERE id = ?", [id]).fetchone()[0])


def begin(server: Server, **form: str) -> str:
    """An order of which some frames are done."""
    id = server.order(template="long", **form)
    wait_for(lambda: server.job(id)["frames_done"])
    return id


def test_a_process_that_stands_still_is_replaced_and_its_job_begun_again(
    start: Callable[..., Server], tmp_path: Path
) -> None:
    server = start(REENACT_HANG_SECONDS="3", REENACT_ATTEMPTS="2")
    long, first = begin(server), server.engine
    os.kill(first, signal.SIGSTOP)
    wait_for(lambda: not server.job(long)["frames_done"])
    wait_for(lambda: server.job(long)["frames_done"])
    assert attempts(tmp_path, long) == 2 and not lives(first)
    os.kill(server.engine, signal.SIGSTOP)
    assert server.ended(long)["error"]["code"] == "gave_up"
    assert server.ended(server.order())["status"] == "succeeded"


@pytest.mark.parametrize("how", HANG)
def test_a_job_that_hangs_the_engine_fails_with_the_reason(start: Callable[..., Server], how: str) -> None:
    server = start(HANG[how], REENACT_HANG_SECONDS="3", REENACT_ATTEMPTS="2")
    hung = server.order(portrait="pocahontas")
    assert server.ended(hung)["error"]["code"] == "gave_up"
    assert server.ended(server.order())["status"] == "succeeded"


@pytest.mark.parametrize("how", [*HANG, "stopped"])
def test_a_job_that_hangs_is_cancelled_at_once_and_the_next_begins(
    start: Callable[..., Server], tmp_path: Path, how: str
) -> None:
    server = start(HANG.get(how, "pass"))  # and a minute would pass until it is noticed
    if how == "stopped":
        hung = begin(server)
        os.kill(server.engine, signal.SIGSTOP)
    else:
        hung = server.order(portrait="pocahontas")
        wait_for((tmp_path / "begun").exists)
    first, following = server.engine, server.order()
    delete(f"{server.address}/v1/animations/{hung}")
    wait_for(lambda: server.job(following)["status"] != "queued", 20)  # a second, on a machine of our own
    job = server.ended(following)
    assert (job["status"], job["frames_done"]) == ("succeeded", FRAMES)
    assert server.job(hung)["status"] == "cancelled" and not lives(first)


def test_who_shares_the_process_with_a_job_that_hangs_is_not_blamed(
    start: Callable[..., Server], tmp_path: Path
) -> None:
    server = start(HANG["loop"], REENACT_HANG_SECONDS="5", REENACT_ATTEMPTS="1", REENACT_JOB_THREADS="2")
    other = begin(server)
    hung = server.order(portrait="pocahontas")
    assert server.ended(hung)["error"]["code"] == "gave_up"
    wait_for(lambda: server.job(other)["frames_done"])
    assert (server.job(other)["status"], attempts(tmp_path, other)) == ("running", 1)
    delete(f"{server.address}/v1/animations/{other}")


def test_a_process_that_stands_still_is_not_ready_and_is_replaced_before_anybody_asks(
    start: Callable[..., Server],
) -> None:
    server = start(REENACT_HANG_SECONDS="8")
    first = server.engine
    os.kill(first, signal.SIGSTOP)

    def not_ready() -> bool:
        try:
            return not server.ask("/readyz")
        except OSError:
            return lives(first)

    wait_for(not_ready)
    server.ready()
    assert server.engine != first and not lives(first)


if sys.platform != "linux":
    pytestmark = pytest.mark.skip("what a process is doing is read in /proc")
