"""Workers whose own clocks are wrong, beside one whose clock is right."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from server.commands.worker import READY

from .gallery import MIDDLE_FRAMES
from .machines import Process, Server, wait_for

pytestmark = pytest.mark.broker
CLOCKS = (0, 30, -30)  # seconds that they are ahead
# The machine's clock belongs to all; so the process is told another time by the one call that ours make.
WORKER = (
    "import runpy, time; right = time.time; time.time = lambda: right() + {seconds}; "
    "runpy.run_module('server', run_name='__main__', alter_sys=True)"
)
TIMES = "SELECT attempts, started - created, ended - started, extract(epoch FROM now()) - ended FROM jobs"


def test_workers_whose_clocks_are_wrong_take_no_job_from_others_and_lose_none(
    gallery: Path, redis: tuple[str, Process], postgres: str, tmp_path: Path
) -> None:
    settings = {"REENACT_BROKER": redis[0], "REENACT_DATABASE": postgres, "REENACT_LEASE_SECONDS": "2"}
    with ExitStack() as stack:
        server = Server(tmp_path, REENACT_TEMPLATES=str(gallery), **settings)
        stack.callback(server.kill)
        server.ready()
        workers = []
        for seconds in CLOCKS:
            command = [sys.executable, "-c", WORKER.format(seconds=seconds), "worker"]
            workers.append(Process(command, tmp_path / f"{seconds}.log", **server.environment))
            stack.callback(workers[-1].kill)
        for worker in workers:
            wait_for(lambda log=worker.log: READY in log.read_text(), what="the worker")  # type: ignore[misc]
        ids = [server.order(template="middle") for _ in range(2 * len(CLOCKS))]
        for id in ids:
            job = server.ended(id, 120)
            assert (job["status"], job["frames_done"]) == ("succeeded", MIDDLE_FRAMES)
        for process in (server, *workers):
            assert "lost its worker" not in process.log.read_text()
        assert all("frames in" in worker.log.read_text() for worker in workers)
    with psycopg.connect(postgres) as connection:
        rows = connection.execute(TIMES).fetchall()
    assert [row[0] for row in rows] == [1] * len(ids)
    assert all(0 <= each < 300 for row in rows for each in row[1:])
