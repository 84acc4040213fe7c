"""A server that takes jobs and workers that do them, as processes of their own on a real broker."""

from __future__ import annotations

import os
import signal
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from . import machines
from .gallery import FRAMES
from .machines import Process, Server, Worker, wait_for

pytestmark = pytest.mark.broker
Start = Callable[..., tuple[Server, list[Worker]]]


@pytest.fixture
def start(gallery: Path, tmp_path: Path) -> Iterator[Start]:
    """start(broker, workers, **settings): a ready server and its ready workers, killed after the test."""
    with ExitStack() as stack:

        def start(broker: str, workers: int = 1, **settings: str) -> tuple[Server, list[Worker]]:
            shared = {
                "REENACT_TEMPLATES": str(gallery),
                "REENACT_BROKER": broker,
                "REENACT_LEASE_SECONDS": "2",
            }
            server = Server(tmp_path, **shared | settings)
            stack.callback(server.kill)
            server.ready()
            crew = [Worker(server, tmp_path / f"worker{nth}.log") for nth in range(workers)]
            for worker in crew:
                stack.callback(worker.kill)
            for worker in crew:
                worker.ready()
            return server, crew

        yield start


def finish(server: Server, ids: list[str]) -> None:
    for id in ids:
        job = server.ended(id)
        assert (job["status"], job["frames_done"]) == ("succeeded", FRAMES)
        assert len(server.ask(job["result"]["url"])) == job["result"]["bytes"]


def test_workers_on_redis_do_what_the_server_takes(start: Start, redis: tuple[str, Process]) -> None:
    server, (one, two) = start(redis[0], 2)
    finish(server, [server.order() for _ in range(4)])
    for worker in (one, two):
        assert worker.stop() == 0
        assert "Traceback" not in worker.log.read_text()
    assert server.stop() == 0
    assert "Traceback" not in server.log.read_text()


def test_workers_on_rabbitmq_with_records_in_postgresql(start: Start, rabbitmq: str, postgres: str) -> None:
    server, workers = start(rabbitmq, 2, REENACT_DATABASE=postgres)
    finish(server, [server.order() for _ in range(4)])
    for worker in workers:
        assert worker.stop() == 0
        assert "Traceback" not in worker.log.read_text()
    assert server.stop() == 0


def test_cancel_stops_a_job_in_another_process_within_a_second(
    start: Start, redis: tuple[str, Process], tmp_path: Path
) -> None:
    server, _ = start(redis[0])
    long, short = server.order(template="long"), server.order()
    wait_for(lambda: server.job(long)["frames_done"])
    machines.delete(f"{server.address}/v1/animations/{long}")
    assert server.job(long)["status"] == "cancelled"
    cancelled = time.monotonic()
    wait_for(lambda: server.job(short)["status"] != "queued")
    assert time.monotonic() - cancelled < 10  # generous: other tests may keep the machine busy
    finish(server, [short])
    wait_for(lambda: not list((tmp_path / "var" / "uploads").iterdir()))


def test_a_worker_that_is_told_to_stop_gives_its_job_to_another(
    start: Start, redis: tuple[str, Process]
) -> None:
    server, (one,) = start(redis[0], REENACT_STOP_SECONDS="0.2")
    long = server.order(template="long")
    wait_for(lambda: server.job(long)["frames_done"])
    assert one.stop(signal.SIGTERM) == 0
    assert server.job(long)["status"] == "queued"
    one.start()
    wait_for(lambda: server.job(long)["frames_done"])


def test_a_worker_tells_its_numbers_on_a_port_of_its_own(
    start: Start, redis: tuple[str, Process], tmp_path: Path
) -> None:
    server, _ = start(redis[0], 0)
    port = machines.free_port()
    worker = Worker(server, tmp_path / "measured.log", REENACT_METRICS_PORT=str(port))
    try:
        worker.ready()
        finish(server, [server.order()])
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            workers = answer.read().decode()
        servers = server.ask("/metrics").decode()
        for text in (workers, servers):
            assert 'reenact_jobs{state="succeeded"} 1.0\n' in text
        assert f"reenact_frames_total {FRAMES}.0\n" in workers and "reenact_frames_total 0.0\n" in servers
        assert "reenact_engine_info{" in workers and "reenact_engine_info{" not in servers
        assert worker.stop() == 0
    finally:
        worker.kill()


def test_a_worker_whose_engine_hangs_goes_on_by_itself(start: Start, redis: tuple[str, Process]) -> None:
    server, (worker,) = start(redis[0], REENACT_HANG_SECONDS="3")
    long = server.order(template="long")
    wait_for(lambda: server.job(long)["frames_done"])
    (engine,) = machines.children(worker.process.pid)
    os.kill(engine, signal.SIGSTOP)
    wait_for(lambda: not server.job(long)["frames_done"])
    wait_for(lambda: server.job(long)["frames_done"])
    (engine,) = machines.children(worker.process.pid)
    os.kill(engine, signal.SIGSTOP)
    machines.delete(
        f"{server.address}/v1/animations/{long}"
    )  # and it is not waited until that one is noticed
    finish(server, [server.order()])


def test_a_redis_that_dies_loses_nothing(start: Start, redis: tuple[str, Process]) -> None:
    url, broker = redis
    server, _ = start(url)
    broker.kill()
    ids = [server.order() for _ in range(2)]
    with pytest.raises(AssertionError):  # honest while it lasts
        wait_for(lambda: server.ready(0.1), 1)
    broker.start()
    finish(server, ids)
    server.ready()


def test_a_worker_needs_a_broker(tmp_path: Path) -> None:
    log = tmp_path / "log"
    command = [*Worker.COMMAND]
    assert Process(command, log, REENACT_DATA=str(tmp_path)).process.wait(60) == 2
    assert "REENACT_BROKER" in log.read_text() and "Traceback" not in log.read_text()


def test_a_server_and_a_worker_that_share_only_a_bucket_and_a_database(
    start: Start, redis: tuple[str, Process], postgres: str, bucket: dict[str, str], tmp_path: Path
) -> None:
    server, _ = start(redis[0], 0, REENACT_DATABASE=postgres, **bucket)
    worker = Worker(server, tmp_path / "far.log", REENACT_DATA=str(tmp_path / "far"))
    try:
        worker.ready()
        finish(server, [server.order()])
    finally:
        worker.kill()
    assert list((tmp_path / "var" / "results").iterdir()) == []
