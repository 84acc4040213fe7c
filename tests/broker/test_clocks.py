"""Workers whose own clocks are wrong, beside one whose clock is right."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from .gallery import MIDDLE_FRAMES
from .machines import Process, Server, Worker, wait_for

pytestmark = pytest.mark.broker
# The machine's clock belongs to all; so the process is told another time by the one call that ours make.
WRONG = (
    "import runpy, time; right = time.time; time.time = lambda: right() + {seconds}; "
    "runpy.run_module('server', run_name='__main__', alter_sys=True)"
)


@pytest.mark.parametrize("seconds", [30, -30])
def test_a_worker_whose_clock_is_wrong_takes_no_job_and_loses_none(
    gallery: Path, redis: tuple[str, Process], postgres: str, tmp_path: Path, seconds: int
) -> None:
    settings = {"REENACT_BROKER": redis[0], "REENACT_DATABASE": postgres, "REENACT_LEASE_SECONDS": "2"}
    with ExitStack() as stack:
        server = Server(tmp_path, REENACT_TEMPLATES=str(gallery), **settings)
        stack.callback(server.kill)
        server.ready()
        right = Worker(server, tmp_path / "right.log")
        stack.callback(right.kill)
        wrong = Process(
            [sys.executable, "-c", WRONG.format(seconds=seconds), "worker"],
            tmp_path / "wrong.log",
            **server.environment,
        )
        stack.callback(wrong.kill)
        right.ready()
        wait_for(lambda: "The worker is ready" in wrong.log.read_text(), what="the worker")
        ids = [server.order(template="middle") for _ in range(4)]
        for id in ids:
            job = server.ended(id, 120)
            assert (job["status"], job["frames_done"]) == ("succeeded", MIDDLE_FRAMES)
        for process in (server, right, wrong):
            assert "lost its worker" not in process.log.read_text()
        assert all("frames in" in worker.log.read_text() for worker in (right, wrong))
    with psycopg.connect(postgres) as connection:
        rows = connection.execute(
            "SELECT attempts, started - created, ended - started, extract(epoch FROM now()) - created "
            "FROM jobs"
        ).fetchall()
    assert [row[0] for row in rows] == [1, 1, 1, 1]
    assert all(0 <= each < 200 for row in rows for each in row[1:])
