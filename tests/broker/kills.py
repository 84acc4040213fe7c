"""``kill -9`` at random moments, and then the count: no job lost, none done twice, no file broken.

``python -m tests.broker.kills --rounds 100 --mode embedded`` runs it for itself; the tests run a few rounds.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import re
import signal
import tempfile
import time
import uuid
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path

from reenact.media import open_clip

from .daemons import redis
from .gallery import FRAMES, make_gallery
from .machines import Process, Server, Worker, wait_for

ORDERS = 2  # a round
PARTS = ("whole", "parent", "engine")  # of a server: all, who answers, who computes
LONGEST = 2.5  # seconds from the orders to the kill


@dataclass
class Tally:
    """What the rounds did, and what they found."""

    rounds: int = 0
    kills: dict[str, int] = field(default_factory=dict)
    taken: list[str] = field(default_factory=list)  # jobs that the server said it took
    unanswered: int = 0  # orders that had to be sent again; the first may have been taken
    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    begun_again: int = 0  # attempts that were broken off


def run(mode: str, rounds: int, folder: Path, seed: int = 0) -> Tally:
    """Kill for some rounds, then let all jobs end and look at each.

    Args:
        mode: ``embedded``: the server does the jobs; ``redis``: two workers do.
        rounds: kills.
        folder: empty, for data and logs.
        seed: of the moments and the victims.
    """
    dice, tally = random.Random(seed), Tally()
    settings = {
        "REENACT_TEMPLATES": str(make_gallery(folder / "templates")),
        "REENACT_QUEUE_LENGTH": "10000",
        "REENACT_ATTEMPTS": "1000",
        "REENACT_LEASE_SECONDS": "2",
    }
    with ExitStack() as stack:
        if mode == "redis":
            url, _ = stack.enter_context(redis(folder))
            settings["REENACT_BROKER"] = url
        server = Server(folder, **settings)
        stack.callback(server.kill)
        victims: dict[str, Process] = {"server": server}
        for nth in range(2 if mode == "redis" else 0):
            worker = Worker(server, folder / f"worker{nth}.log")
            stack.callback(worker.kill)
            victims[f"worker {nth}"] = worker
        server.ready()
        for _ in range(rounds):
            one_round(server, victims, dice, tally)
        judge(server, folder, tally)
    return tally


def one_round(server: Server, victims: dict[str, Process], dice: random.Random, tally: Tally) -> None:
    """Order, wait a random moment, kill one or a part of it, start it again."""
    for _ in range(ORDERS):
        tally.taken.append(insist(server, tally))
    time.sleep(dice.uniform(0, LONGEST))
    name = dice.choice(sorted(victims))
    parts = PARTS if len(victims) == 1 else PARTS[:-1]  # workers have the engine themselves
    part = dice.choice(parts) if name == "server" else "whole"
    if part == "engine":  # the server starts another
        os.kill(server.engine, signal.SIGKILL)
    else:
        victims[name].kill() if part == "whole" else victims[name].kill_parent()
        victims[name].start()
    name = f"{name} ({part})"
    server.ready()
    tally.rounds += 1
    tally.kills[name] = tally.kills.get(name, 0) + 1


def insist(server: Server, tally: Tally) -> str:
    """Send one order as a phone does: without an answer it is sent again, with the same key."""
    key = uuid.uuid4().hex
    while True:
        try:
            return server.order(key)
        except (OSError, HTTPException):
            tally.unanswered += 1
            time.sleep(0.1)


def judge(server: Server, folder: Path, tally: Tally) -> None:
    """Wait for the end of all jobs and compare what is told with what lies on the disk."""
    results, uploads = folder / "var" / "results", folder / "var" / "uploads"
    seen: dict[str, str] = {}
    for id in tally.taken:
        job = server.ended(id, 600)
        if job["status"] != "succeeded":
            tally.lost.append(f"{id}: {job['status']} {job['error']}")
            continue
        content = server.ask(job["result"]["url"])
        digest = hashlib.sha256(content).hexdigest()
        if digest != job["result"]["sha256"] or not plays(content, folder / "look.mp4"):
            tally.broken.append(id)
        if seen.setdefault(job["result"]["url"], id) != id:
            tally.duplicated.append(id)
    wait_for(lambda: not list(uploads.iterdir()), 60, "the last uploads")
    left = len(list(results.iterdir())) - len(seen)
    if left:
        tally.duplicated.append(f"{left} results belong to no job")
    logs = [path.read_text() for path in folder.glob("*.log")]
    made = sum(len(re.findall(r"Job \w+ made ", log)) for log in logs)
    tally.begun_again = sum(log.count("queued again") + log.count("failed at attempt") for log in logs)
    if made > len(seen):  # it is fewer where the kill came between the end of a job and its line in the log
        tally.duplicated.append(f"{made} completions of {len(seen)} jobs")


def plays(content: bytes, path: Path) -> bool:
    """Whether the clip has all its frames."""
    path.write_bytes(content)
    return len(list(open_clip(path).frames)) == FRAMES


def main() -> None:
    parser = argparse.ArgumentParser(description="Kill at random moments and count what is lost.")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--mode", choices=("embedded", "redis"), action="append")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    for mode in asked.mode or ("embedded", "redis"):
        begun = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            tally = run(mode, asked.rounds, Path(folder), asked.seed)
        print(
            f"{mode}: {tally.rounds} kills {tally.kills}, {len(tally.taken)} jobs, {tally.unanswered} orders "
            f"sent again, {tally.begun_again} jobs begun again; lost {tally.lost}, "
            f"duplicated {tally.duplicated}, broken {tally.broken} ({time.monotonic() - begun:.0f} s)",
            flush=True,
        )


if __name__ == "__main__":
    main()
