"""Motion and decoder on an NVIDIA GPU by precision and batch, compared with vox-256 and the card's limits."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from reenact.bench.cpu_time import Timing, measure_time
from reenact.bench.reference_model import reference_process
from reenact.bench.stations import source_and_poses
from reenact.engine import Engine
from reenact.errors import SetupError
from reenact.generator.renderer import Renderer
from reenact.runtime import Device, ModelFolder, Session
from reenact.types import Motion

BATCHES = (1, 8, 32)
GRAPHS = {"float32": "animate", "float16": "animate_fp16"}
COST = "reenact.export.cost"
# FLOP per second of dense float16 products, and bytes per second of memory, from NVIDIA's data sheets.
# Float32 convolutions run at half of that or less, but memory bandwidth is the limit long before.
CARDS = {
    "H200": (989e12, 4.8e12),
    "H100 PCIe": (756e12, 2.0e12),
    "H100": (989e12, 3.35e12),
    "A100": (312e12, 2.0e12),
    "L40S": (362e12, 0.864e12),
    "L4": (121e12, 0.3e12),
    "T4": (65e12, 0.32e12),
}


def measure_gpu(
    model: Path, selfie: Path, motion: Motion, frames: int, device: Device = "cuda"
) -> dict[str, dict[str, Any]]:
    """Frames per second by precision and batch: poses go to the device, pictures of 256 pixels come back.

    Args:
        model: folder of the model.
        selfie: a picture of a face.
        motion: at least one frame; repeated where it is too short.
        frames: number of frames of each measurement, rounded up to whole batches.
        device: where to run, so that a test can do without a GPU.

    Raises:
        ProviderUnavailable: a graph would not run entirely on the device.
    """
    folder = ModelFolder(model)
    source, poses = source_and_poses(Engine(model, device=device), selfie, motion)
    encode = Session(folder.path("encode"), device=device)
    found: dict[str, dict[str, Any]] = {}
    for precision, graph in GRAPHS.items():
        for batch in BATCHES if folder.has(graph) else ():
            path, sizes = folder.path(graph), {"batch": batch}
            animate = Session(path, device=device, threads=1, sizes=sizes, require_one_provider=True)
            renderer = Renderer(encode, animate, None, 1, batch, fixed=True)
            count = -(-frames // batch) * batch
            driven = poses[np.arange(count) % len(poses)]
            list(renderer.render(source, driven[:batch]))  # warm-up: the first run selects algorithms
            made = renderer.render(source, driven)
            timing = measure_time(partial(list, made), count)
            found.setdefault(precision, {})[str(batch)] = timing.figures
    return found


def measure_eager(frames: int) -> Timing:
    """vox-256 as its demo runs it, networks only, on the same card; SetupError where torch has no CUDA."""
    with reference_process(threads=1, device="cuda") as ask:
        ask("eager", 2)  # warm-up
        return ask("eager", frames)


def roofline(graph: Path, batch: int, card: str, frames_per_second: float) -> dict[str, Any]:
    """Cost of a frame, its least milliseconds on a card by the roofline model, and the share reached.

    Args:
        graph: the graph to count.
        batch: frames that share what is read once, for instance weights.
        card: its name as the driver reports it; there are no limits for an unknown one.
        frames_per_second: as measured.

    Raises:
        SetupError: the counting process failed.
    """
    command = [sys.executable, "-m", COST, str(graph), "--batch", str(batch)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SetupError(f"The graph's cost cannot be counted: {done.stderr.strip().rpartition(chr(10))[2]}")
    cost = json.loads(done.stdout)
    figures = {
        "gflop": round((cost["matrix_flop"] + cost["other_flop"]) / 1e9, 2),
        "mbytes": round(cost["bytes"] / 1e6, 1),
    }
    if limits := limits_of(card):
        flop, memory = limits
        floor = max(cost["matrix_flop"] / flop, cost["bytes"] / memory)
        figures |= {"floor_ms": round(1e3 * floor, 4), "reached": round(frames_per_second * floor, 3)}
    return figures


def limits_of(card: str) -> tuple[float, float] | None:
    """FLOP and bytes per second of a card by its name, for instance ``NVIDIA A100-SXM4-80GB``."""
    words = set(card.replace("-", " ").split())
    return next((limits for name, limits in CARDS.items() if set(name.split()) <= words), None)
