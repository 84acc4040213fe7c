"""Real Redis, RabbitMQ, PostgreSQL and S3 servers on free ports in temporary folders."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from .machines import Process, children, free_port, listens, running, wait_for

RABBIT = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")  # without the wrapper that changes the user


def postgres_binary(name: str) -> Path | None:
    """A program of the newest PostgreSQL that Debian installed."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return found[-1] if found else None


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
