"""Time as it is told here: by the clock, and by the processor, which other programs disturb less."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """Seconds for some frames: ``wall`` by the clock, ``cpu`` summed over all cores."""

    wall: float
    cpu: float
    frames: int = 1

    @property
    def figures(self) -> dict[str, float]:
        """Milliseconds a frame, and frames a second by the clock."""
        return {
            "wall_ms": round(1e3 * self.wall / self.frames, 3),
            "cpu_ms": round(1e3 * self.cpu / self.frames, 3),
            "frames_per_second": round(self.frames / self.wall, 2),
        }


def measure_time(work: Callable[[], object], frames: int = 1) -> Timing:
    """Do some work of this process and tell what it cost."""
    began, cpu = time.perf_counter(), time.process_time()
    work()
    return Timing(time.perf_counter() - began, time.process_time() - cpu, frames)
