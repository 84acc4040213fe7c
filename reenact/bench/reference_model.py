"""Comparison with the published vox-256, alternating in one run, so that other load slows all models alike.

The reference models run in a child process, and only it loads torch. One process waits while the other works.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from statistics import median
from typing import Any

from reenact.bench.cpu_time import Timing
from reenact.errors import SetupError

MODULE = "reenact.export.reference_model"
NEEDED = ("torch", "onnx", "onnxscript", "safetensors", "yaml")
RIVALS = ("eager", "graphs")  # (b) and (c)

Turn = Callable[[], Timing]


def missing_packages() -> list[str]:
    """The packages that the reference models need and that are not installed."""
    return [name for name in NEEDED if find_spec(name) is None]


def compare_with_reference(
    ours: Mapping[str, Turn], threads: int, rounds: int, frames: int
) -> dict[str, Any]:
    """Run each in turn, ``rounds`` times; returns the ratio of every round and their median.

    Args:
        ours: name -> function that makes our frames.
        threads: number that the reference models may use.
        rounds: number of turns of each.
        frames: number that a reference model makes per turn.

    Raises:
        SetupError: the process of the reference models failed.
    """
    taken: dict[str, list[Timing]] = {}
    with reference_process(threads) as ask:
        turns = {**ours, **{name: _asking(ask, name, frames) for name in RIVALS}}
        for turn in turns.values():
            turn()  # warm-up
        for _ in range(rounds):
            for name, turn in turns.items():
                taken.setdefault(name, []).append(turn())
    return {
        "rounds": {name: [timing.figures for timing in all] for name, all in taken.items()},
        "times_as_fast": {
            f"{name} than {rival}": _ratios(taken[name], taken[rival])
            for name in [*ours, "graphs"]
            for rival in RIVALS
            if name != rival
        },
    }


def _ratios(ours: list[Timing], theirs: list[Timing]) -> dict[str, Any]:
    """Speed-up by wall-clock time and by CPU time."""
    wall = [round((b.wall / b.frames) / (a.wall / a.frames), 2) for a, b in zip(ours, theirs, strict=True)]
    cpu = [round((b.cpu / b.frames) / (a.cpu / a.frames), 2) for a, b in zip(ours, theirs, strict=True)]
    return {"wall": median(wall), "cpu": median(cpu), "wall_rounds": wall, "cpu_rounds": cpu}


def _asking(ask: Callable[[str, int], Timing], name: str, frames: int) -> Turn:
    return lambda: ask(name, frames)


@contextmanager
def reference_process(threads: int, device: str = "cpu") -> Iterator[Callable[[str, int], Timing]]:
    """The process of the reference models; each turn is one request line and one reply. GPU: eager only."""
    process = subprocess.Popen(
        _command(threads, device),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin and process.stdout
    to, back = process.stdin, process.stdout

    def ask(name: str, frames: int) -> Timing:
        to.write(f"{name} {frames}\n")
        to.flush()
        line = back.readline()
        if not line:
            raise SetupError("The process that runs vox-256 ended; what it said stands above.")
        return Timing(**json.loads(line))

    try:
        yield ask
    finally:
        to.close()
        process.wait()
        back.close()


def _command(threads: int, device: str) -> list[str]:
    return [sys.executable, "-W", "ignore", "-m", MODULE, "--threads", str(threads), "--device", device]
