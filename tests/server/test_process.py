"""The real thing: a process with waitress, driven over a socket."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from .conftest import FRAMES, LONG, PORTRAIT, TEMPLATE, until

ROOT = Path(__file__).parents[2]


class Server:
    """A running ``python -m server``."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("REENACT_")}
        self.log = log
        with log.open("w") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "server"],
                cwd=ROOT,
                env=clean | environment,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        address = re.compile(r"http://127\.0\.0\.1:\d+")
        said = until(log.read_text, lambda text: address.search(text) or self.process.poll() is not None)
        found = address.search(said)
        assert found, said
        self.address = found[0]

    def ask(self, path: str, form: dict[str, str] | None = None, prefer: str = "") -> tuple[int, bytes]:
        boundary = uuid.uuid4().hex
        parts = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in (form or {}).items()
        )
        request = urllib.request.Request(
            self.address + path,
            "".join([*parts, f"--{boundary}--\r\n"]).encode() if form else None,
            {"Content-Type": f"multipart/form-data; boundary={boundary}", "Prefer": prefer} if form else {},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as e:
            with e:
                return e.code, e.read()

    def job(self, id: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.ask(f"/v1/animations/{id}")[1])
        return found

    def stop(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(60)


@contextmanager
def starting(templates: Path, folder: Path) -> Iterator[Callable[..., Server]]:
    """start(**settings): a server with its data in the folder, killed in the end."""
    servers: list[Server] = []

    def start(**settings: str) -> Server:
        environment = {
            "REENACT_PORT": "0",
            "REENACT_STOP_SECONDS": "0.5",
            "REENACT_DATA": str(folder / "var"),
            "REENACT_TEMPLATES": str(templates),
        }
        servers.append(Server(environment | settings, folder / f"log{len(servers)}"))
        return servers[-1]

    try:
        yield start
    finally:
        for server in servers:
            if server.process.poll() is None:
                server.process.kill()
                server.process.wait(10)


@pytest.fixture
def start(templates: Path, tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """start(**settings): a server of the test's own."""
    with starting(templates, tmp_path) as start:
        yield start


@pytest.fixture(scope="module")
def standing(templates: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for tests that only talk to it. When all have gone it must still stop as it should."""
    with starting(templates, tmp_path_factory.mktemp("standing")) as start:
        server = start()
        until(lambda: server.ask("/healthz")[0], lambda status: status == 200)
        yield server
        assert server.stop() == 0


def test_a_whole_life(start: Callable[[], Server], tmp_path: Path) -> None:
    server = start()
    assert server.ask("/healthz")[0] == 200
    until(lambda: server.ask("/readyz")[0], lambda status: status == 200)
    form = {"portrait": PORTRAIT, "template": TEMPLATE, "consent": "true"}
    status, body = server.ask("/v1/animations", form, "wait=30")
    job = json.loads(body)
    assert (status, job["status"], job["frames_done"]) == (200, "succeeded", FRAMES)
    assert len(server.ask(job["result"]["url"])[1]) == job["result"]["bytes"]
    assert server.ask("/v1/animations", form | {"portrait": "x" * 3_000_000})[0] == 413
    # Stopped in the middle of a long job, it publishes nothing half done, keeps what was done, and begins
    # the long one anew when it is started again.
    _, body = server.ask("/v1/animations", form | {"template": LONG})
    long = json.loads(body)["id"]
    until(lambda: server.job(long)["frames_done"], bool)
    assert server.stop() == 0
    assert len(list((tmp_path / "var/results").iterdir())) == 1
    log = server.log.read_text()
    assert "Traceback" not in log and "SIG" not in log, log
    server = start()
    assert server.ask(job["result"]["url"])[0] == 200
    until(lambda: server.job(long)["frames_done"], bool)
    assert server.stop(signal.SIGKILL) == -signal.SIGKILL
    server = start()
    until(lambda: server.job(long)["frames_done"], bool)


def test_ctrl_c_stops_it_and_a_second_one_keeps_out(start: Callable[[], Server], tmp_path: Path) -> None:
    server = start()
    until(lambda: server.ask("/readyz")[0], lambda status: status == 200)
    with pytest.raises(AssertionError, match="Another server uses the folder"):
        start()
    assert server.stop(signal.SIGINT) == 0
    assert "Traceback" not in server.log.read_text()


def test_clients_that_neither_speak_nor_go_keep_nobody_waiting(standing: Server) -> None:
    port = int(standing.address.rpartition(":")[2])
    with ExitStack() as lines:
        for _ in range(40):  # more than there are threads
            lines.enter_context(socket.create_connection(("127.0.0.1", port)))
        for _ in range(10):
            line = lines.enter_context(socket.create_connection(("127.0.0.1", port), 30))
            line.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            answer = b"".join(iter(lambda line=line: line.recv(4096), b""))  # type: ignore[misc]
            assert answer.startswith(b"HTTP/1.1 200")  # and the line stays open on this side
        begun = time.monotonic()
        assert standing.ask("/healthz")[0] == 200
        assert time.monotonic() - begun < 2  # of each of those ten gunicorn's own worker waits so long


def test_orders_that_are_slow_to_arrive_keep_no_look_waiting(standing: Server) -> None:
    port = int(standing.address.rpartition(":")[2])
    head = (
        "POST /v1/animations HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    )
    with ExitStack() as lines:
        for _ in range(40):  # more than there are threads
            line = lines.enter_context(socket.create_connection(("127.0.0.1", port)))
            line.sendall(f"{head}Content-Length: 1000\r\n\r\n--x".encode())
        time.sleep(0.5)
        begun = time.monotonic()
        assert standing.ask("/healthz")[0] == 200
        assert time.monotonic() - begun < 2


@pytest.mark.parametrize(
    "held",
    [
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n",
        b"GET /v1/animations/ID HTTP/1.1\r\nHost: localhost\r\n",
        b"GET /v1/animations/ID HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n",
        b"GET /v1/animations/ID HTTP/1.1\r\nHost: localhost\r\n\r\n"
        + b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n",
    ],
    ids=["other", "half a head", "body to come", "upload behind"],
)
def test_looks_at_jobs_wait_for_nobody(standing: Server, held: bytes) -> None:
    port, id = int(standing.address.rpartition(":")[2]), "0" * 32
    with ExitStack() as lines:
        for _ in range(40):  # more than there are threads
            line = lines.enter_context(socket.create_connection(("127.0.0.1", port)))
            line.sendall(held.replace(b"ID", id.encode()))
        time.sleep(1)
        mine = lines.enter_context(closing(HTTPConnection("127.0.0.1", port, timeout=4)))
        for _ in range(3):  # on a line that is kept too
            mine.request("GET", f"/v1/animations/{id}")
            answer = mine.getresponse()
            assert answer.status == 404 and json.loads(answer.read())["code"] == "not_found"


@pytest.mark.parametrize(
    ("name", "value"),
    [("REENACT_DEVICE", "tpu"), ("REENACT_PORT", "http")],
)
def test_a_bad_setting_is_said_in_a_sentence(tmp_path: Path, name: str, value: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "server"],
        cwd=ROOT,
        env={**os.environ, "REENACT_DATA": str(tmp_path / "var"), name: value},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"reenact-server: {name} ") and done.stderr.count("\n") == 1
    assert not (tmp_path / "var").exists()


def test_a_port_that_another_has_is_said_in_a_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-m", "server"],
            cwd=ROOT,
            env={**os.environ, "REENACT_DATA": str(tmp_path / "var"), "REENACT_PORT": port},
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 2
    assert done.stderr.startswith("reenact-server: ") and f"port {port}" in done.stderr
    assert "REENACT_PORT" in done.stderr and done.stderr.count("\n") == 1


def test_events_come_at_once_and_listeners_leave_threads_for_others(start: Callable[..., Server]) -> None:
    server = start(REENACT_HTTP_THREADS="4")
    until(lambda: server.ask("/readyz")[0], lambda status: status == 200)
    form = {"portrait": PORTRAIT, "template": LONG, "consent": "true"}
    id = json.loads(server.ask("/v1/animations", form)[1])["id"]
    port = int(server.address.rpartition(":")[2])
    head = f"GET /v1/animations/{id}/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with ExitStack() as lines:
        for _ in range(8):
            line = lines.enter_context(socket.create_connection(("127.0.0.1", port), 10))
            line.sendall(head.encode())
            said = b""
            while b"event: job" not in said:  # or else TimeoutError
                said += line.recv(4096)
        assert server.ask("/healthz")[0] == 200
        until(lambda: server.job(id)["status"], lambda status: status == "running")
    assert server.stop() == 0
