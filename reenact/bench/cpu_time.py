"""Wall-clock time and CPU time; other programs disturb the latter less."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """Seconds for some frames: ``wall`` is wall-clock time, ``cpu`` is CPU time summed over all cores."""

    wall: float
    cpu: float
    frames: int = 1

    @property
    def figures(self) -> dict[str, float]:
        """Milliseconds per frame, and frames per second of wall-clock time."""
        return {
            "wall_ms": round(1e3 * self.wall / self.frames, 3),
            "cpu_ms": round(1e3 * self.cpu / self.frames, 3),
            "frames_per_second": round(self.frames / self.wall, 2),
        }


def measure_time(work: Callable[[], object], frames: int = 1) -> Timing:
    """Run some work in this process and measure its time."""
    began, cpu = time.perf_counter(), time.process_time()
    work()
    return Timing(time.perf_counter() - began, time.process_time() - cpu, frames)
