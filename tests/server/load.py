"""The server under many clients, and under many jobs in a row.

``python -m tests.server.load crowd --clients 50`` and ``python -m tests.server.load row --jobs 300`` measure;
the tests run a little of each. Times are of this machine at that moment: other load shows in them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

import numpy as np

from tests.broker.gallery import make_gallery
from tests.broker.machines import Server

LOOKS = 200  # at a job's status, while nothing else goes on
PAUSE = 0.2  # seconds between two looks of a client


@dataclass
class Crowd:
    """What many clients at once got."""

    answers: Counter[int] = field(default_factory=Counter)
    strange: list[str] = field(default_factory=list)  # neither 2xx nor a 429 that says when to come back
    succeeded: int = 0
    idle: float = 0.0  # seconds in which 99 of 100 looks were answered, with no other client
    loaded: float = 0.0  # the same with all of them


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
    found, stop = Crowd(), Event()
    known = server.order()
    server.ended(known, 300)
    found.idle = p99([_look(server, known, found) for _ in range(LOOKS)])
    looks: list[float] = []
    threads = [Thread(target=_client, args=(server, found, looks, stop)) for _ in range(clients)]
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    stop.set()
    for thread in threads:
        thread.join()
    found.loaded = p99(looks)
    return found


def _client(server: Server, found: Crowd, looks: list[float], stop: Event) -> None:
    """Order, look until it has ended, fetch the result, order again; where it is full, come back as told.

    What was ordered is followed to its end, also when the time is over.
    """
    while not stop.is_set():
        id = _order(server, found, stop)
        while id:
            looks.append(_look(server, id, found))
            job = server.job(id)
            if job["status"] not in ("queued", "running"):
                found.succeeded += job["status"] == "succeeded" and bool(server.ask(job["result"]["url"]))
                break
            time.sleep(PAUSE)


def _order(server: Server, found: Crowd, stop: Event) -> str | None:
    try:
        id = server.order()
    except urllib.error.HTTPError as e:
        with e:
            body, after = e.read(), e.headers.get("Retry-After", "")
        found.answers[e.code] += 1
        if e.code != 429 or not after.isdecimal() or not 1 <= int(after) <= 3600:
            found.strange.append(f"{e.code} {after} {body[:200]!r}")
        stop.wait(min(float(after or 1), 5))
        return None
    except OSError as e:
        found.strange.append(repr(e))
        return None
    found.answers[202] += 1
    return id


def _look(server: Server, id: str, found: Crowd) -> float:
    """Seconds that one look at a job took."""
    begun = time.perf_counter()
    try:
        server.job(id)
        found.answers[200] += 1
    except OSError as e:
        found.strange.append(repr(e))
    return time.perf_counter() - begun


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
    """MB of the server's process that holds the engine."""
    found = subprocess.run(
        ["pgrep", "-P", str(server.process.pid)], capture_output=True, text=True, check=True
    )
    status = Path(f"/proc/{found.stdout.split()[0]}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the server under load.")
    parts = parser.add_subparsers(dest="part", required=True)
    many = parts.add_parser("crowd", help="many clients at once")
    many.add_argument("--clients", type=int, default=50)
    many.add_argument("--seconds", type=float, default=60)
    long = parts.add_parser("row", help="many jobs in a row")
    long.add_argument("--jobs", type=int, default=300)
    long.add_argument("--warm", type=int, default=50)
    asked = parser.parse_args()
    with serving() as server:
        if asked.part == "crowd":
            found = crowd(server, asked.clients, asked.seconds)
            print(f"{asked.clients} clients: {dict(found.answers)}, {found.succeeded} results fetched")
            print(f"neither 2xx nor an honest 429: {len(found.strange)} {found.strange[:5]}")
            print(f"p99 of GET status: idle {found.idle * 1000:.1f} ms, loaded {found.loaded * 1000:.1f} ms")
        else:
            slope, memory = row(server, asked.jobs, asked.warm)
            print(
                f"{asked.jobs} jobs: {memory[asked.warm]:.0f} -> {memory[-1]:.0f} MB, {slope:+.4f} MB a job"
            )


if __name__ == "__main__":
    main()
