"""The server under many clients, and under many jobs in a row.

``python -m tests.server.load crowd --clients 50`` and ``python -m tests.server.load row --jobs 300`` measure;
the tests run a little of each. Times are of this machine at that moment: other load shows in them.

The clients of a crowd share one thread, and what that adds is measured too. A time runs from before the
connection is opened to the last byte of the answer; each request has a connection of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tests.broker.gallery import make_gallery
from tests.broker.machines import Server

LOOKS = 500  # at a job's status, while nothing else goes on
PAUSE = 0.1  # seconds between two looks of a client
LATE = 0.005  # seconds between two looks at how late the clients' own loop is
ORDER = {"portrait": "eileen-collins", "template": "tiny", "paste": "crop", "consent": "true"}
_BOUNDARY = "of-a-crowd"


@dataclass
class Crowd:
    """What many clients at once got."""

    answers: Counter[int] = field(default_factory=Counter)
    strange: list[str] = field(default_factory=list)  # neither 2xx nor a 429 that says when to come back
    succeeded: int = 0
    idle: float = 0.0  # seconds in which 99 of 100 looks were answered, with no other client
    loaded: float = 0.0  # the same with all of them
    median: float = 0.0  # seconds in which half of those were
    own: float = 0.0  # seconds of these that are the clients' own: 99 of 100 times their loop was less late


@contextmanager
def serving(**settings: str) -> Iterator[Server]:
    """A server with short templates, ready."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = Server(folder, REENACT_TEMPLATES=str(make_gallery(folder / "templates")), **settings)
        try:
            server.ready(300)
            yield server
        finally:
            server.kill()


def crowd(server: Server, clients: int, seconds: float) -> Crowd:
    """Let many clients order and look at once, again and again."""
    known = server.order()
    server.ended(known, 300)
    port = int(server.address.rpartition(":")[2])
    with ThreadPoolExecutor(1) as apart:  # a browser's tests have left a loop in this thread
        return apart.submit(lambda: asyncio.run(_crowd(port, known, clients, seconds))).result()


async def _crowd(port: int, known: str, clients: int, seconds: float) -> Crowd:
    found, stop = Crowd(), asyncio.Event()
    looks: list[float] = []
    for _ in range(LOOKS):
        await _look(port, known, found, looks)
    found.idle = p99(looks)
    looks.clear()
    late: list[float] = []
    watch = asyncio.create_task(_watch(late))
    crowd = [asyncio.create_task(_client(port, found, looks, stop)) for _ in range(clients)]
    await asyncio.sleep(seconds)
    stop.set()
    await asyncio.gather(*crowd)
    watch.cancel()
    found.loaded, found.median, found.own = p99(looks), statistics.median(looks), p99(late)
    return found


async def _client(port: int, found: Crowd, looks: list[float], stop: asyncio.Event) -> None:
    """Order, look until it has ended, fetch the result, order again; where it is full, come back as told.

    What was ordered is followed to its end, also when the time is over.
    """
    while not stop.is_set():
        id = await _order(port, found, stop)
        while id:
            job = await _look(port, id, found, looks)
            if job and job["status"] not in ("queued", "running"):
                found.succeeded += job["status"] == "succeeded" and bool(await _fetch(port, job, found))
                break
            await asyncio.sleep(PAUSE)


async def _order(port: int, found: Crowd, stop: asyncio.Event) -> str | None:
    try:
        status, headers, body = await _ask(port, "POST", "/v1/animations", _form())
    except OSError as e:
        found.strange.append(repr(e))
        return None
    found.answers[status] += 1
    if status == 202:
        return str(json.loads(body)["id"])
    after = headers.get("retry-after", "")
    if status != 429 or not after.isdecimal() or not 1 <= int(after) <= 3600:
        found.strange.append(f"{status} {after} {body[:200]!r}")
    try:
        await asyncio.wait_for(stop.wait(), float(after or 1))
    except TimeoutError:
        pass
    return None


async def _look(port: int, id: str, found: Crowd, looks: list[float]) -> dict[str, Any] | None:
    """A job, and the seconds that looking at it took."""
    begun = time.perf_counter()
    try:
        status, _, body = await _ask(port, "GET", f"/v1/animations/{id}")
    except OSError as e:
        found.strange.append(repr(e))
        return None
    looks.append(time.perf_counter() - begun)
    found.answers[status] += 1
    if status != 200:
        found.strange.append(f"{status} {body[:200]!r}")
        return None
    job: dict[str, Any] = json.loads(body)
    return job


async def _fetch(port: int, job: dict[str, Any], found: Crowd) -> bytes:
    status, _, body = await _ask(port, "GET", job["result"]["url"])
    found.answers[status] += 1
    return body if status == 200 else b""


async def _watch(late: list[float]) -> None:
    while True:
        due = time.perf_counter() + LATE
        await asyncio.sleep(LATE)
        late.append(time.perf_counter() - due)


def _form() -> bytes:
    parts = (
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in ORDER.items()
    )
    return "".join([*parts, f"--{_BOUNDARY}--\r\n"]).encode()


async def _ask(port: int, method: str, path: str, body: bytes = b"") -> tuple[int, dict[str, str], bytes]:
    """Status, headers by their small names, and body of an answer; raises OSError where it is cut off."""
    loop = asyncio.get_running_loop()
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
    if body:
        head += f"Content-Type: multipart/form-data; boundary={_BOUNDARY}\r\nContent-Length: {len(body)}\r\n"
    with socket.socket() as line:
        line.setblocking(False)
        await loop.sock_connect(line, ("127.0.0.1", port))
        await loop.sock_sendall(line, f"{head}\r\n".encode() + body)
        got = b""
        while b"\r\n\r\n" not in got:
            got += await _more(line)
        first, *lines = got.partition(b"\r\n\r\n")[0].decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (each.partition(": ") for each in lines)}
        rest = got.partition(b"\r\n\r\n")[2]
        while len(rest) < int(headers["content-length"]):
            rest += await _more(line)
    return int(first.split()[1]), headers, rest


async def _more(line: socket.socket) -> bytes:
    data = await asyncio.get_running_loop().sock_recv(line, 1 << 18)
    if not data:
        raise ConnectionError("The answer was cut off.")
    return data


def p99(seconds: list[float]) -> float:
    """What 99 of 100 stay under."""
    return statistics.quantiles(seconds, n=100)[98]


def row(server: Server, jobs: int, warm: int) -> tuple[float, list[float]]:
    """Do jobs one after the other.

    Returns:
        The slope of the server's memory after the first ``warm`` jobs in MB a job, and the memory after each.
    """
    memory = []
    for _ in range(jobs):
        id = server.order(template="tiny")
        ended = json.loads(server.ask(f"/v1/animations/{id}/events").split(b"data: ")[-1])
        assert ended["status"] == "succeeded", ended
        memory.append(resident(server))
    return float(np.polyfit(np.arange(jobs - warm), memory[warm:], 1)[0]), memory


def resident(server: Server) -> float:
    """MB of the process that answers and of the one that holds the engine."""
    statuses = (Path(f"/proc/{pid}/status").read_text() for pid in (server.answers, server.engine))
    return sum(int(status.partition("VmRSS:")[2].split()[0]) for status in statuses) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the server under load.")
    parts = parser.add_subparsers(dest="part", required=True)
    many = parts.add_parser("crowd", help="many clients at once")
    many.add_argument("--clients", type=int, default=50)
    many.add_argument("--seconds", type=float, default=60)
    long = parts.add_parser("row", help="many jobs in a row")
    long.add_argument("--jobs", type=int, default=300)
    long.add_argument("--warm", type=int, default=50)
    for each in (many, long):
        each.add_argument("--priority", choices=("nice", "idle"), default="nice", help="of the jobs")
    asked = parser.parse_args()
    with serving(REENACT_JOB_PRIORITY=asked.priority) as server:
        if asked.part == "crowd":
            found = crowd(server, asked.clients, asked.seconds)
            print(f"{asked.clients} clients: {dict(found.answers)}, {found.succeeded} results fetched")
            print(f"neither 2xx nor an honest 429: {len(found.strange)} {found.strange[:5]}")
            times = (found.idle, found.loaded, found.median, found.own)
            print(
                "p99 of GET status: idle {:.1f} ms, loaded {:.1f} ms (half within {:.1f}); the clients' own "
                "part of it up to {:.1f} ms".format(*(each * 1000 for each in times))
            )
        else:
            slope, memory = row(server, asked.jobs, asked.warm)
            print(
                f"{asked.jobs} jobs: {memory[asked.warm]:.0f} -> {memory[-1]:.0f} MB, {slope:+.4f} MB a job"
            )


if __name__ == "__main__":
    main()
