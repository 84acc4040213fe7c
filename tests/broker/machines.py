"""Processes on free ports that tests may stop and kill, and those of ours."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Form = dict[str, str | Path]
ROOT = Path(__file__).parents[2]


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(good: Callable[[], object], seconds: float = 60, what: str = "it") -> None:
    """Look again and again until it is good; an OSError counts as not yet."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if good():
                return
        except OSError:
            pass
        assert time.monotonic() < deadline, f"{what} took more than {seconds} s"
        time.sleep(0.05)


def listens(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.create_connection(("127.0.0.1", port), 1):
        return True


def children(pid: int) -> list[int]:
    """What a process has started and has not ended."""
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True)
    return [int(each) for each in found.stdout.split()]


class Process:
    """A program in a group of its own, so that it can be killed with all it started."""

    def __init__(self, command: list[str], log: Path, **environment: str) -> None:
        self.command, self.log, self.environment = command, log, environment
        self.start()

    def start(self) -> None:
        own = {name: value for name, value in os.environ.items() if not name.startswith("REENACT_")}
        with self.log.open("a") as out:
            self.process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env=own | self.environment,
                stdout=out,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def stop(self, number: int = signal.SIGTERM, seconds: float = 60) -> int:
        """Send a signal to the whole group and wait."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, number)
        return self.process.wait(seconds)

    def freeze(self) -> None:
        """Let the whole group keep silent, with its connections open."""
        os.killpg(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen group go on."""
        os.killpg(self.process.pid, signal.SIGCONT)

    def kill_parent(self) -> None:
        """Kill the process that was started, and leave what it started to notice."""
        self.process.kill()
        self.process.wait(60)

    def kill(self) -> None:
        """As a power cut would: no process of the group gets to do anything more."""
        self.stop(signal.SIGKILL)


@contextmanager
def running(*arguments: Any, **environment: str) -> Iterator[Process]:
    process = Process(*arguments, **environment)
    try:
        yield process
    finally:
        process.kill()


def delete(address: str) -> None:
    """DELETE; raises OSError where the answer is none of success."""
    with urllib.request.urlopen(urllib.request.Request(address, method="DELETE"), timeout=60):
        pass


def _multipart(form: Form, boundary: str) -> bytes:
    """The body of a form."""
    body = b""
    for name, value in form.items():
        file = f'; filename="{value.name}"' if isinstance(value, Path) else ""
        content = value.read_bytes() if isinstance(value, Path) else value.encode()
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
        body += head.encode() + content + b"\r\n"
    return body + f"--{boundary}--\r\n".encode()


class Server(Process):
    """``python -m server``, asked over its socket."""

    def __init__(self, folder: Path, **environment: str) -> None:
        """Start it with its data in ``folder / "var"`` on a port that it keeps when it is started again."""
        self.address = f"http://127.0.0.1:{free_port()}"
        port = self.address.rpartition(":")[2]
        more = {"REENACT_DATA": str(folder / "var"), "REENACT_PORT": port} | environment
        super().__init__([sys.executable, "-m", "server"], folder / "server.log", **more)

    @property
    def answers(self) -> int:
        """The process that answers requests."""
        return self.process.pid

    @property
    def engine(self) -> int:
        """The process that holds the engine, where the server does the jobs."""
        (found,) = children(self.answers)
        return found

    def ready(self, seconds: float = 60) -> None:
        wait_for(lambda: self.ask("/readyz"), seconds, "the server")

    def ask(self, path: str, form: Form | None = None, **more: str) -> bytes:
        """The body of a good answer; raises OSError for any other.

        Args:
            path: of the address.
            form: fields to POST, files by their paths; None means GET.
            more: headers.
        """
        boundary = uuid.uuid4().hex
        body = _multipart(form, boundary) if form else None
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"} if form else {}
        headers |= more
        with urllib.request.urlopen(
            urllib.request.Request(self.address + path, body, headers), timeout=60
        ) as answer:
            return bytes(answer.read())

    def order(self, key: str | None = None, access: str | None = None, **form: str | Path) -> str:
        """Send an order, with an idempotency key and an access key or without; the job's id."""
        face: Form = {} if "selfie" in form else {"portrait": "eileen-collins"}
        body: Form = {**face, "template": "tiny", "paste": "crop", "consent": "true", **form}
        headers = {"Idempotency-Key": key} if key else {}
        headers |= {"Authorization": f"Bearer {access}"} if access else {}
        return str(json.loads(self.ask("/v1/animations", body, **headers))["id"])

    def job(self, id: str, **headers: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.ask(f"/v1/animations/{id}", **headers))
        return found

    def ended(self, id: str, seconds: float = 60, **headers: str) -> dict[str, Any]:
        wait_for(lambda: self.job(id, **headers)["status"] not in ("queued", "running"), seconds, f"job {id}")
        return self.job(id, **headers)


class Worker(Process):
    """``python -m server worker`` beside a server."""

    COMMAND = (sys.executable, "-m", "server", "worker")

    def __init__(self, server: Server, log: Path, *arguments: str, **environment: str) -> None:
        super().__init__([*self.COMMAND, *arguments], log, **server.environment | environment)

    def ready(self, times: int = 1) -> None:
        """Wait until it has said so, counted over all its starts."""
        said = re.compile("The worker is ready")
        wait_for(lambda: len(said.findall(self.log.read_text())) >= times, what="the worker")
