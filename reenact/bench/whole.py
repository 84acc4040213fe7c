"""Time and memory of the whole pipeline, measured from outside: in a new process, with models not loaded."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnxruntime

from reenact.config import DEFAULT_MODEL, MOTIONS
from reenact.engine import Engine
from reenact.errors import InvalidOption, SetupError
from reenact.gallery import TemplateMetadata, get_template, list_portraits, template_ids, write_metadata
from reenact.motion.motion_file import save_motion
from reenact.options import AnimateOptions
from reenact.pipeline import animate
from reenact.runtime import ModelFolder, available_cores
from reenact.types import Keypoints, Motion
from reenact.watermark.embed import Watermark

Device = Literal["auto", "cpu", "cuda"]
SIZE = 256
ID = "bench"


@dataclass(frozen=True)
class Figures:
    """The measurements. Seconds are wall-clock time."""

    frames: int
    size: int  # side of the square in pixels
    cold_seconds: float  # a whole process: start, load, animate, write an mp4
    cold_peak_mb: float  # its largest resident memory, 10^6 bytes
    open_seconds: float  # opening the graphs in a running process
    warm_seconds: float  # animating once more with all graphs open
    stages: dict[str, float]  # seconds of the warm run by stage
    frames_per_second: float  # of the warm run's render stage, encoding included
    machine: dict[str, Any]

    def summary(self) -> str:
        """The figures in a few lines."""
        machine = f"{self.machine['cores']} cores, {self.machine['provider']}"
        stages = ", ".join(f"{name} {seconds:.2f}" for name, seconds in self.stages.items())
        return (
            f"{self.frames} frames at {self.size}, {machine}\n"
            f"cold  {self.cold_seconds:.2f} s whole process, peak {self.cold_peak_mb:.0f} MB\n"
            f"warm  {self.warm_seconds:.2f} s ({stages}), {self.frames_per_second:.1f} frames/s"
        )


def measure(
    model: Path = DEFAULT_MODEL, device: Device = "auto", threads: int | None = None, frames: int = 100
) -> Figures:
    """Animate our first portrait with a motion of ``frames`` frames, cold and warm.

    Raises:
        InvalidOption: fewer than one frame.
        SetupError: the cold process failed.
    """
    if frames < 1:
        raise InvalidOption(f"A motion has at least one frame, not {frames}.")
    selfie = list_portraits()[0].path
    with tempfile.TemporaryDirectory(prefix="reenact-bench-") as name:
        folder = Path(name)
        write_template(folder, model, frames)
        # Before this process loads a model: a child's peak includes pages that it shares with its parent.
        cold, peak = run_cold(folder, selfie, model, device, threads)
        began = time.perf_counter()
        engine = Engine(model, device=device, threads=threads)
        engine.warm()
        opened = time.perf_counter() - began
        template = get_template(ID, folder, engine.model)
        began = time.perf_counter()
        result = animate(
            engine, selfie, template, folder / "warm.mp4", AnimateOptions(size=SIZE, watermark=Watermark(1))
        )
        warm = time.perf_counter() - began
    return Figures(
        frames=frames,
        size=SIZE,
        cold_seconds=round(cold, 3),
        cold_peak_mb=round(peak / 1e6, 1),
        open_seconds=round(opened, 3),
        warm_seconds=round(warm, 3),
        stages=result.seconds,
        frames_per_second=round(frames / result.seconds["render"], 2),
        machine=describe(engine, threads),
    )


def write_template(folder: Path, model: Path, frames: int) -> None:
    """Write a template of exactly ``frames`` frames by repeating a built-in one."""
    id = template_ids(MOTIONS)[0]
    motion = get_template(id, MOTIONS, ModelFolder(model).hash("keypoints")).motion
    place = folder / ID
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    write_metadata(TemplateMetadata("Bench", "none", "made from " + id), place)
    save_motion(_of_length(motion, frames), place / "motion.npz")


def _of_length(motion: Motion, frames: int) -> Motion:
    index = np.arange(frames) % len(motion)
    keypoints = motion.keypoints
    repeated = Keypoints(keypoints.points[index], keypoints.jacobians[index], keypoints.landmarks[index])
    return replace(motion, keypoints=repeated)


# On Linux a process's peak memory starts from its parent's, which is large in a benchmark.
_WATCHER = """
import os, subprocess, sys, time
began = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(time.perf_counter() - began, usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def run_cold(
    folder: Path, selfie: Path, model: Path, device: Device, threads: int | None
) -> tuple[float, float]:
    """Seconds and peak bytes of ``reenact animate`` in a new process."""
    command = [sys.executable, "-m", "reenact", "animate", str(selfie), "--quiet"]
    command += ["--template", ID, "--motions", str(folder), "--out", str(folder / "cold.mp4")]
    command += ["--size", str(SIZE), "--model", str(model), "--device", device]
    command += [] if threads is None else ["--threads", str(threads)]
    return run_watched(command)


def run_watched(command: list[str]) -> tuple[float, float]:
    """Seconds and peak bytes of a process.

    Raises:
        SetupError: the process failed.
    """
    done = subprocess.run([sys.executable, "-c", _WATCHER, *command], capture_output=True, text=True)
    if done.returncode:
        raise SetupError(f"The measured process failed: {done.stderr.strip() or done.returncode}")
    seconds, peak = map(float, done.stdout.split())
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux KiB
    return seconds, peak * unit


def describe(engine: Engine, threads: int | None) -> dict[str, Any]:
    """The machine, its load, and the versions of software and model."""
    return {
        "system": platform.platform(),
        "processor": _processor(),
        "load": [round(load, 1) for load in os.getloadavg()],
        "cores": available_cores(),
        "threads": threads or available_cores(),
        "python": platform.python_version(),
        "provider": engine.provider,
        "graph": engine.graph,
        "onnxruntime": onnxruntime.__version__,
        "numpy": version("numpy"),
        "model": engine.model,
    }


def _processor() -> str:
    """The processor's name as the system reports it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
