"""A PostgreSQL that is stopped or keeps silent; server and worker go on without anybody's help."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Thread
from urllib.error import HTTPError

import psycopg
import pytest

from .daemons import Postgres
from .gallery import MIDDLE_FRAMES
from .machines import Process, Server, Worker, wait_for

pytestmark = pytest.mark.broker
LEASE = 2.0
Service = tuple[Server, Worker]


@pytest.fixture
def service(
    gallery: Path, redis: tuple[str, Process], own_postgres: Postgres, tmp_path: Path
) -> Iterator[Service]:
    """A server and a worker, both ready."""
    with ExitStack() as stack:
        server = Server(
            tmp_path,
            REENACT_TEMPLATES=str(gallery),
            REENACT_BROKER=redis[0],
            REENACT_DATABASE=own_postgres.url,
            REENACT_LEASE_SECONDS=f"{LEASE:g}",
        )
        stack.callback(server.kill)
        server.ready()
        worker = Worker(server, tmp_path / "worker.log")
        stack.callback(worker.kill)
        worker.ready()
        yield server, worker


def refusal(ask: Callable[[], object]) -> tuple[int, dict[str, object], str | None]:
    """Status, problem and Retry-After of an answer that is none of success."""
    with pytest.raises(HTTPError) as caught:
        ask()
    with caught.value as answer:
        return answer.code, json.load(answer), answer.headers["Retry-After"]


def attempts(postgres: Postgres) -> set[int]:
    """How often jobs were begun."""
    with psycopg.connect(postgres.url) as connection:
        return {row[0] for row in connection.execute("SELECT attempts FROM jobs")}


def begin(server: Server) -> str:
    id = server.order(template="middle")
    wait_for(lambda: server.job(id)["frames_done"])
    return id


def order_and_wait(server: Server) -> str:
    """Send an order whose answer is to wait for its end; the job's id."""
    form = {"portrait": "eileen-collins", "template": "tiny", "consent": "true"}
    answer = server.ask("/v1/animations", {**form}, Prefer="wait=30")
    return str(json.loads(answer)["id"])


def listen(server: Server, id: str) -> tuple[Thread, list[str]]:
    """Follow a job's events until the server ends them."""
    lines: list[str] = []

    def follow() -> None:
        with urllib.request.urlopen(f"{server.address}/v1/animations/{id}/events", timeout=120) as stream:
            for line in stream:
                lines.append(line.decode().strip())

    thread = Thread(target=follow)
    thread.start()
    wait_for(lambda: lines, what="the first event")
    return thread, lines


def test_a_postgresql_that_is_stopped_and_comes_back(service: Service, own_postgres: Postgres) -> None:
    server, worker = service
    runs, waits = begin(server), server.order()
    listener, lines = listen(server, runs)
    with ThreadPoolExecutor(1) as pool:
        patient = pool.submit(order_and_wait, server)
        wait_for(lambda: len(json.loads(server.ask("/v1/animations"))["animations"]) == 3)
        own_postgres.shut_down()
        told = patient.result(60)  # that its order was taken, all the same
    for ask in (server.order, lambda: server.job(runs)):
        status, problem, after = refusal(ask)
        assert (status, problem["code"]) == (503, "database_unavailable")
        assert after and int(after) > 0
    wait_for(lambda: "waits to be recorded" in worker.log.read_text(), what="the end of the job")
    time.sleep(2 * LEASE)
    own_postgres.start()
    own_postgres.ready()
    for id in (runs, waits, told):
        assert server.ended(id)["status"] == "succeeded"
    assert server.job(runs)["frames_done"] == MIDDLE_FRAMES
    listener.join(60)
    last = json.loads([line for line in lines if line.startswith("data:")][-1].removeprefix("data:"))
    assert last["status"] == "succeeded" and not listener.is_alive()
    assert any(line.startswith(": the database") for line in lines)
    assert server.ended(server.order())["status"] == "succeeded"
    assert attempts(own_postgres) == {1}
    server.ready()


def test_a_postgresql_that_keeps_silent_for_a_while(service: Service, own_postgres: Postgres) -> None:
    server, _ = service
    runs = begin(server)
    own_postgres.freeze()
    frozen = time.monotonic()
    wait_for(lambda: not ready(server), 10, "the notice")
    with ThreadPoolExecutor(40) as pool:  # more than the server has threads
        answers = list(pool.map(lambda _: refusal(lambda: server.job(runs))[0], range(80)))
    assert set(answers) == {503}
    assert not ready(server)
    assert time.monotonic() - frozen < 30  # each of them waiting by itself would take minutes
    time.sleep(3 * LEASE)
    own_postgres.thaw()
    assert server.ended(runs)["status"] == "succeeded"
    assert server.job(runs)["frames_done"] == MIDDLE_FRAMES
    wait_for(lambda: ready(server), what="the server")
    assert server.ended(server.order())["status"] == "succeeded"
    assert attempts(own_postgres) == {1}
    for process in service:
        assert "lost its worker" not in process.log.read_text()


def ready(server: Server) -> bool:
    try:
        server.ask("/readyz")
    except HTTPError as e:
        e.close()
        return False
    return True
