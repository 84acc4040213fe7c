"""Redis, RabbitMQ or the bucket away for a while: all orders end as they should, and nobody helps."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from email.message import Message
from pathlib import Path
from urllib.error import HTTPError

import pytest

from reenact.gallery import get_portrait
from server.access.keys import Keys
from server.access.rate import RETRY_SECONDS
from server.commands.doctor import examine
from server.database.database import open_database

from .conftest import Names
from .gallery import FRAMES
from .machines import Process, Server, Worker, delete, wait_for
from .wire import Wire

pytestmark = pytest.mark.broker
Start = Callable[..., tuple[Server, Worker]]
Bucket = tuple[dict[str, str], Wire, Names]


@pytest.fixture
def start(gallery: Path, tmp_path: Path) -> Iterator[Start]:
    """start(broker, **settings): a ready server and a ready worker with a data folder of its own."""
    with ExitStack() as stack:

        def start(broker: str, **settings: str) -> tuple[Server, Worker]:
            shared = {
                "REENACT_TEMPLATES": str(gallery),
                "REENACT_BROKER": broker,
                "REENACT_DATABASE": f"sqlite:///{tmp_path}/records.db",
                "REENACT_LEASE_SECONDS": "2",
            }
            server = Server(tmp_path, **shared | settings)
            stack.callback(server.kill)
            server.ready()
            far = {"REENACT_DATA": str(tmp_path / "far")} if "REENACT_STORAGE" in settings else {}
            worker = Worker(server, tmp_path / "worker.log", **far)
            stack.callback(worker.kill)
            worker.ready()
            return server, worker

        yield start


@pytest.fixture
def selfie() -> Path:
    """A picture to upload."""
    return get_portrait("eileen-collins").path


def finish(server: Server, ids: list[str], **headers: str) -> None:
    for id in ids:
        job = server.ended(id, **headers)
        assert (job["status"], job["frames_done"]) == ("succeeded", FRAMES), job
        assert len(server.ask(job["result"]["url"])) == job["result"]["bytes"]


def refused(ask: Callable[[], object]) -> tuple[int, Message, bytes]:
    """Status, headers and body of the error that is answered."""
    with pytest.raises(HTTPError) as caught:
        ask()
    with caught.value as error:
        return error.code, error.headers, error.read()


def not_ready(server: Server) -> bool:
    try:
        server.ask("/readyz")
    except HTTPError as e:
        e.close()
        return e.code == 503
    return False


def access(folder: Path) -> str:
    """A new access key."""
    database = open_database(f"sqlite:///{folder}/records.db", folder)
    try:
        return Keys(database).add("test")[1]
    finally:
        database.close()


def test_a_redis_that_is_away_or_silent_keeps_no_order_from_being_taken_and_done(
    start: Start, redis: tuple[str, Process], tmp_path: Path
) -> None:
    url, broker = redis
    server, _ = start(url, REENACT_ORDERS_PER_MINUTE="4")
    key = access(tmp_path)
    mine = {"Authorization": f"Bearer {key}"}
    finish(server, [server.order(access=key)], **mine)
    broker.kill()
    finish(server, [server.order(access=key) for _ in range(2)], **mine)
    assert not_ready(server)
    broker.start()
    server.ready()
    time.sleep(RETRY_SECONDS)
    finish(server, [server.order(access=key)], **mine)
    broker.freeze()
    finish(server, [server.order(access=key) for _ in range(2)], **mine)  # four in this process's memory
    assert refused(lambda: server.order(access=key))[0] == 429
    broker.thaw()
    server.ready()
    time.sleep(RETRY_SECONDS)
    server.order(access=key)
    said = server.log.read_text()
    assert "Traceback" not in said
    assert said.count("in this process's memory") == said.count("Redis answers again") == 2


def test_a_rabbitmq_that_is_restarted_is_found_again(start: Start, rabbit: tuple[str, Process]) -> None:
    url, broker = rabbit
    server, worker = start(url)
    finish(server, [server.order()])
    assert broker.stop(seconds=120) == 0
    finish(server, [server.order() for _ in range(2)])
    wait_for(lambda: not_ready(server))
    findings = {each.name: each for each in examine(server.environment)}
    assert findings["broker"].state == findings["service"].state == "broken"
    broker.start()
    server.ready(120)
    finish(server, [server.order() for _ in range(2)])
    for process in (server, worker):
        assert process.stop() == 0
        assert "Traceback" not in process.log.read_text()


def test_jobs_wait_for_a_bucket_that_is_away(
    start: Start, redis: tuple[str, Process], far_bucket: Bucket, selfie: Path, tmp_path: Path
) -> None:
    bucket, wire, names = far_bucket
    server, worker = start(redis[0], **bucket)
    long = server.order(template="long", selfie=selfie)
    wait_for(lambda: server.job(long)["frames_done"])
    waiting = [server.order(selfie=selfie) for _ in range(3)]
    wire.cut()
    delete(f"{server.address}/v1/animations/{long}")
    status, headers, body = refused(lambda: server.order(selfie=selfie))
    assert (status, json.loads(body)["code"]) == (503, "storage_unavailable")
    assert int(headers["Retry-After"]) > 0
    time.sleep(8)  # four rests, more than a job has attempts
    assert {server.job(id)["status"] for id in waiting} <= {"queued", "running"}
    wire.restore()
    finish(server, waiting)
    for id in waiting:
        delete(f"{server.address}/v1/animations/{id}")
    wait_for(lambda: names() == [], what="what was left")
    for folder in (tmp_path / "var", tmp_path / "far"):
        assert [path for path in (folder / "uploads").rglob("*") if path.is_file()] == []
    for process in (server, worker):
        assert "Traceback" not in process.log.read_text()


@pytest.mark.parametrize("restarted", [False, True])
def test_what_is_deleted_while_the_bucket_is_away_is_gone_at_once_and_for_ever(
    start: Start, redis: tuple[str, Process], far_bucket: Bucket, selfie: Path, restarted: bool
) -> None:
    bucket, wire, names = far_bucket
    server, worker = start(redis[0], **bucket)
    job = server.ended(server.order(selfie=selfie, keep_selfie="true"))
    wire.cut()
    delete(f"{server.address}/v1/animations/{job['id']}")
    gone(server, job["result"]["url"])
    if restarted:  # while it is still away
        server.kill()
        worker.kill()
        server.start()
        server.ready()
    wire.restore()
    gone(server, job["result"]["url"])
    wait_for(lambda: names() == [], what="what was left")
    gone(server, job["result"]["url"])


def gone(server: Server, url: str) -> None:
    assert refused(lambda: server.ask(url))[0] in (404, 410)


def test_what_a_killed_worker_held_goes_when_one_starts_and_what_another_holds_stays(
    start: Start, redis: tuple[str, Process], far_bucket: Bucket, selfie: Path, tmp_path: Path
) -> None:
    server, killed = start(redis[0], REENACT_LEASE_SECONDS="60", **far_bucket[0])
    held = lambda: {path for path in (tmp_path / "far").rglob("*/selfie")}  # noqa: E731
    first = server.order(template="long", selfie=selfie)
    wait_for(lambda: server.job(first)["frames_done"])
    (left,) = held()
    killed.stop(signal.SIGKILL)
    second = server.order(template="long", selfie=selfie)
    with ExitStack() as stack:
        other = Worker(server, tmp_path / "other.log", **killed.environment)
        stack.callback(other.kill)
        wait_for(lambda: server.job(second)["frames_done"])
        assert held() and left not in held()
        (living,) = held()
        killed.start()
        killed.ready(2)
        assert held() == {living}
        delete(f"{server.address}/v1/animations/{second}")
        wait_for(lambda: not held())
