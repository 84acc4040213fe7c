"""Real Redis, RabbitMQ and PostgreSQL servers on free ports in temporary folders, and ours."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Any

import psycopg

Form = dict[str, str | Path]
ROOT = Path(__file__).parents[2]
RABBIT = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")  # without the wrapper that changes the user


def postgres_binary(name: str) -> Path | None:
    """A program of the newest PostgreSQL that Debian installed."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return found[-1] if found else None


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


class Wire:
    """A TCP line to a server, which a test may cut: connections break, new ones are refused."""

    def __init__(self, to: int) -> None:
        """Lead to a port of this machine, from ``port``."""
        self._to, self.port, self._ends = to, free_port(), set[socket.socket]()
        self._door: socket.socket | None = None
        self.restore()

    def restore(self) -> None:
        """Let through what comes."""
        self._door = socket.create_server(("127.0.0.1", self.port))
        Thread(target=self._accept, args=(self._door,), daemon=True).start()

    def cut(self) -> None:
        """Break all connections, and refuse those that come."""
        if self._door:
            self._door.shutdown(socket.SHUT_RDWR)
            self._door.close()
            self._door = None
        for end in list(self._ends):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _accept(self, door: socket.socket) -> None:
        with suppress(OSError):  # cut
            while True:
                near, _ = door.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
                for one, other in ((near, far), (far, near)):
                    Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        self._ends.add(one)
        with suppress(OSError):
            while piece := one.recv(65536):
                other.sendall(piece)
        with suppress(OSError):
            other.shutdown(socket.SHUT_RDWR)
        self._ends.discard(one)
        one.close()


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

    def kill_child(self) -> None:
        """Kill what the process started."""
        for child in children(self.process.pid):
            os.kill(child, signal.SIGKILL)

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


@contextmanager
def redis(folder: Path, port: int | None = None) -> Iterator[tuple[str, Process]]:
    """A Redis that keeps nothing on disk: its URL and process."""
    port = port or free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with running(command, folder / "redis.log") as process:
        wait_for(lambda: listens(port), what="Redis")
        yield f"redis://127.0.0.1:{port}/0", process


@contextmanager
def s3(folder: Path) -> Iterator[int]:
    """An S3 that moto plays, and that forgets everything when it ends; its port."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with running(command, folder / "s3.log"):
        wait_for(lambda: listens(port), what="moto")
        yield port


@contextmanager
def rabbitmq(folder: Path) -> Iterator[tuple[str, Process]]:
    """A RabbitMQ node with a name, a port mapper and a data folder of its own: its URL and process."""
    port, mapper = free_port(), free_port()
    environment = {
        "HOME": str(folder),  # of the cookie
        "ERL_EPMD_PORT": str(mapper),
        "RABBITMQ_NODENAME": f"test{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_CONF_ENV_FILE": os.devnull,
    }
    # Started by us, since the one that the node starts would outlive it.
    with running(["epmd", "-port", str(mapper)], folder / "epmd.log"):
        wait_for(lambda: listens(mapper), what="epmd")
        with running([str(RABBIT)], folder / "rabbitmq.log", **environment) as process:
            wait_for(lambda: listens(port), 120, "RabbitMQ")
            yield f"amqp://guest:guest@127.0.0.1:{port}", process


def family(pid: int) -> list[int]:
    """A process and all that it has started, and they."""
    return [pid, *(each for child in children(pid) for each in family(child))]


class Postgres(Process):
    """A PostgreSQL, whose processes each have a group of their own."""

    def __init__(self, command: list[str], log: Path, port: int) -> None:
        self.port = port
        super().__init__(command, log)

    @property
    def url(self) -> str:
        return f"postgresql://reenact@127.0.0.1:{self.port}/postgres"

    def ready(self) -> None:
        wait_for(self._answers, what="PostgreSQL")

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def shut_down(self) -> None:
        """Stop it at once, as an operator's restart does; clients lose their connections."""
        self.stop(signal.SIGINT)

    def freeze(self) -> None:
        """Let all its processes stand still: what is asked arrives, and nobody answers."""
        self._tell_all(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let them go on."""
        self._tell_all(signal.SIGCONT)

    def _tell_all(self, number: int) -> None:
        for each in family(self.process.pid):
            with suppress(ProcessLookupError):  # of a client that has just gone
                os.kill(each, number)


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL cluster. It refuses to run as root."""
    folder, port = Path(tempfile.mkdtemp(prefix="reenact-postgres-")), free_port()
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if as_user:
        shutil.chown(folder, "postgres")
    initdb, server = str(postgres_binary("initdb")), str(postgres_binary("postgres"))
    try:
        make = [*as_user, initdb, "-D", f"{folder}/data", "-U", "reenact", "--auth=trust", "--no-sync"]
        subprocess.run(make, cwd=folder, check=True, capture_output=True)
        options = ["-p", str(port), "-k", str(folder), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
        log = Path(tempfile.mkstemp(prefix="reenact-postgres-", suffix=".log")[1])
        process = Postgres([*as_user, server, "-D", f"{folder}/data", *options], log, port)
        try:
            process.ready()
            yield process
        finally:
            process.thaw()
            process.shut_down()
        log.unlink()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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
        (found,) = children(self.process.pid)
        return found

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

    def __init__(self, server: Server, log: Path, **environment: str) -> None:
        super().__init__([*self.COMMAND], log, **server.environment | environment)

    def ready(self, times: int = 1) -> None:
        """Wait until it has said so, counted over all its starts."""
        said = re.compile("The worker is ready")
        wait_for(lambda: len(said.findall(self.log.read_text())) >= times, what="the worker")
