"""Stopping while a job runs, a client waits for one and another listens."""

from __future__ import annotations

import json
import signal
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from .machines import Server, wait_for

LISTENS = b'method="GET",route="/v1/animations/<id>/events",status="200"'


@pytest.fixture
def server(gallery: Path, tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path, REENACT_TEMPLATES=str(gallery), REENACT_STOP_SECONDS="0.2")
    yield server
    server.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_job_is_kept_and_who_waits_is_let_go(server: Server, number: int, tmp_path: Path) -> None:
    server.ready()
    long = server.order(template="long")
    wait_for(lambda: server.job(long)["frames_done"])
    form = {"portrait": "eileen-collins", "template": "tiny", "consent": "true"}
    with ThreadPoolExecutor(2) as pool:
        waits = pool.submit(server.ask, "/v1/animations", form, Prefer="wait=30")
        listens = pool.submit(server.ask, f"/v1/animations/{long}/events")
        wait_for(lambda: len(json.loads(server.ask("/v1/animations"))["animations"]) == 2)
        wait_for(lambda: LISTENS in server.ask("/metrics"))
        assert server.stop(number) == 0  # Ctrl+C reaches all processes, as from a terminal
        if number == signal.SIGTERM:
            assert json.loads(waits.result())["status"] == "queued"
            assert b"event: job" in listens.result()
    assert "Traceback" not in server.log.read_text()
    # Put back, and not counted as an attempt: a process that was killed would leave it running.
    with closing(sqlite3.connect(tmp_path / "var" / "reenact.db")) as records:
        assert records.execute("SELECT DISTINCT status, attempts FROM jobs").fetchall() == [("queued", 0)]


def test_a_job_that_ends_in_time_is_finished(gallery: Path, tmp_path: Path) -> None:
    server = Server(tmp_path, REENACT_TEMPLATES=str(gallery), REENACT_STOP_SECONDS="30")
    try:
        server.ready()
        short = server.order()
        wait_for(lambda: server.job(short)["status"] == "running")
        assert server.stop() == 0  # the engine's process hears it too, and goes on all the same
    finally:
        server.kill()
    with closing(sqlite3.connect(tmp_path / "var" / "reenact.db")) as records:
        assert records.execute("SELECT status, attempts FROM jobs").fetchall() == [("succeeded", 1)]
    assert len(list((tmp_path / "var" / "results").iterdir())) == 1
