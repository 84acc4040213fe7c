"""The process that holds the engine of a server without a broker: it may die, and dies with its server."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from server.engine.child_process import NICE

from .gallery import FRAMES
from .machines import Server, children, delete, wait_for


@pytest.fixture
def start(gallery: Path, tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """start(**settings): a server, killed after the test."""
    servers: list[Server] = []

    def start(**settings: str) -> Server:
        servers.append(Server(tmp_path, REENACT_TEMPLATES=str(gallery), **settings))
        return servers[-1]

    yield start
    for server in servers:
        server.kill()


def lives(pid: int) -> bool:
    """Whether the process is there, and no zombie that nobody has asked for."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


def begin(server: Server, template: str = "long") -> str:
    """An order of which some frames are done."""
    id = server.order(template=template)
    wait_for(lambda: server.job(id)["frames_done"])
    return id


def test_a_job_whose_engine_is_killed_is_done_all_the_same_and_once(
    start: Callable[..., Server], tmp_path: Path
) -> None:
    server = start(REENACT_LEASE_SECONDS="2")
    server.ready()
    first, long, short = server.engine, begin(server), server.order()
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: not server.job(long)["frames_done"])
    wait_for(lambda: server.job(long)["frames_done"])  # begun anew, by another
    assert server.engine != first and not lives(first)
    delete(f"{server.address}/v1/animations/{long}")
    job = server.ended(short)
    assert (job["status"], job["frames_done"]) == ("succeeded", FRAMES)
    assert len(server.ask(job["result"]["url"])) == job["result"]["bytes"]
    wait_for(lambda: not list((tmp_path / "var" / "uploads").iterdir()))
    assert len(list((tmp_path / "var" / "results").iterdir())) == 1


def test_a_job_that_kills_each_engine_fails_with_the_reason(start: Callable[..., Server]) -> None:
    server = start(REENACT_LEASE_SECONDS="2", REENACT_ATTEMPTS="2")
    server.ready()
    long = begin(server)
    os.kill(server.engine, signal.SIGKILL)
    wait_for(lambda: not server.job(long)["frames_done"])
    wait_for(lambda: server.job(long)["frames_done"])
    os.kill(server.engine, signal.SIGKILL)
    error = server.ended(long)["error"]
    assert error["code"] == "gave_up" and "crashed or hung" in error["detail"]
    assert server.ended(server.order())["status"] == "succeeded"  # others are none the worse for it


def test_an_idle_engine_that_is_killed_is_replaced_before_anybody_asks(start: Callable[..., Server]) -> None:
    server = start()
    server.ready()
    first = server.engine
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: not lives(first))
    with pytest.raises(OSError, match="503"):
        wait_for_no_longer_ready(server)
    server.ready()
    assert server.engine != first
    assert server.ended(server.order())["status"] == "succeeded"


def wait_for_no_longer_ready(server: Server) -> None:
    for _ in range(100):
        server.ask("/readyz")
        time.sleep(0.01)


def test_a_job_that_waits_for_an_engine_can_be_cancelled(start: Callable[..., Server]) -> None:
    server = start()
    server.ready()
    os.kill(server.engine, signal.SIGSTOP)  # alive, and not doing anything
    long = server.order(template="long")
    wait_for(lambda: server.job(long)["status"] == "running")
    os.kill(server.engine, signal.SIGKILL)
    delete(f"{server.address}/v1/animations/{long}")
    assert server.job(long)["status"] == "cancelled"
    assert server.ended(server.order())["status"] == "succeeded"


def test_what_a_job_does_there_is_told_here(start: Callable[..., Server]) -> None:
    server = start()
    server.ready()
    long = begin(server)
    frame = f"/v1/animations/{long}/frame"
    wait_for(lambda: server.ask(frame))
    assert max(Image.open(io.BytesIO(server.ask(frame))).size) <= 512
    wait_for(lambda: server.job(long)["frames_done"] > FRAMES)
    with urllib.request.urlopen(f"{server.address}/v1/animations/{long}/events", timeout=60) as events:
        told = (json.loads(line[6:])["frames_done"] for line in events if line.startswith(b"data: "))
        assert next(told) < next(told) < next(told)
    delete(f"{server.address}/v1/animations/{long}")
    assert server.ended(server.order())["status"] == "succeeded"
    rendered = 'reenact_stage_seconds_count{stage="render"} 1.0'  # counted just after the end is told
    wait_for(lambda: rendered in server.ask("/metrics").decode())
    numbers = server.ask("/metrics").decode()
    made = re.search(r"reenact_frames_total (\d+)", numbers)
    assert made and int(made[1]) > 2 * FRAMES
    assert 'reenact_engine_info{provider="CPUExecutionProvider"} 1.0' in numbers
    assert "reenact_frames_per_second_count 1.0" in numbers
    assert_told_of(server, numbers)


def assert_told_of(server: Server, numbers: str) -> None:
    """The two processes that are told of are those that there are, by when they began."""
    boot = float(re.findall(r"^btime (\d+)", Path("/proc/stat").read_text(), re.MULTILINE)[0])
    for prefix, pid in (("", server.answers), ("reenact_engine_", server.engine)):
        told = dict(re.findall(rf"^{prefix}process_(\w+) (\S+)$", numbers, re.MULTILINE))
        ticks = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
        begun = boot + ticks / os.sysconf("SC_CLK_TCK")
        assert float(told["start_time_seconds"]) == pytest.approx(begun, abs=0.1)
        assert float(told["resident_memory_bytes"]) > 5e7 and float(told["cpu_seconds_total"]) > 0


def test_the_engine_does_not_outlive_its_server(start: Callable[..., Server]) -> None:
    server = start()
    server.ready()
    begin(server)
    engine = server.engine
    server.kill_parent()
    wait_for(lambda: not lives(engine), 5, "the end of the engine")


def test_an_engine_that_cannot_be_opened_ends_the_server_with_a_sentence(
    start: Callable[..., Server],
) -> None:
    server = start(REENACT_DEVICE="cuda", CUDA_VISIBLE_DEVICES="")
    assert server.process.wait(60) == 3
    log = server.log.read_text()
    assert re.search(r"CRITICAL .*The service cannot start: .*CUDA", log), log
    assert "Traceback" not in log


def test_an_engine_that_dies_before_it_is_ready_is_tried_again(
    start: Callable[..., Server], tmp_path: Path
) -> None:
    dies = f"""import os, pathlib
if b"server.engine.process" in pathlib.Path("/proc/self/cmdline").read_bytes():
    if not os.path.exists({str(tmp_path / "once")!r}):
        open({str(tmp_path / "once")!r}, "w").close()
        os._exit(9)
"""
    (tmp_path / "sitecustomize.py").write_text(dies)
    server = start(PYTHONPATH=os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])]))
    server.ready()
    assert "died before it was ready (status 9)" in server.log.read_text()
    assert server.ended(server.order())["status"] == "succeeded"


@pytest.mark.parametrize(("priority", "policy"), [("nice", "SCHED_OTHER"), ("idle", "SCHED_IDLE")])
def test_the_engine_alone_loads_the_model_and_gives_way(
    start: Callable[..., Server], priority: str, policy: str
) -> None:
    server = start(REENACT_JOB_PRIORITY=priority)
    server.ready()
    assert children(server.engine) == []
    assert "onnxruntime" in Path(f"/proc/{server.engine}/maps").read_text()
    assert "onnxruntime" not in Path(f"/proc/{server.answers}/maps").read_text()
    own = os.getpriority(os.PRIO_PROCESS, server.answers)
    threads = [int(each.name) for each in Path(f"/proc/{server.engine}/task").iterdir()]
    assert {os.getpriority(os.PRIO_PROCESS, each) for each in threads} == {min(own + NICE, 19)}
    assert {os.sched_getscheduler(each) for each in threads} == {getattr(os, policy)}
    assert os.sched_getscheduler(server.answers) == os.SCHED_OTHER


if sys.platform != "linux":
    pytestmark = pytest.mark.skip("what a process is doing is read in /proc")
