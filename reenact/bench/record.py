"""Runs the parts in sequence, writes their figures to one JSON file and yields a readable summary of each."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from reenact.bench.chart import write_chart
from reenact.bench.cpu_time import Timing, measure_time
from reenact.bench.gpu import BATCHES, GRAPHS, measure_eager, measure_gpu, roofline
from reenact.bench.reference_model import compare_with_reference, missing_packages
from reenact.bench.scaling import ScalingBench, measure_memory
from reenact.bench.stations import measure_stations
from reenact.bench.swap import compare_swap, measure_swap_memory, measure_swap_stations
from reenact.bench.whole import ID, Device, describe, measure, write_template
from reenact.config import DEFAULT_MODEL
from reenact.engine import Engine
from reenact.errors import SetupError
from reenact.gallery import get_template, list_portraits
from reenact.options import AnimateOptions
from reenact.os_errors import unwritable
from reenact.pipeline import animate
from reenact.runtime import ModelFolder, available_cores, cuda
from reenact.types import Template
from reenact.watermark.embed import Watermark

Figures = dict[str, Any]
MOST_FRAMES = 30  # length of the longest motion as a multiple of ``frames``
REFERENCE_FRAMES = 12  # that a frame-by-frame vox-256 makes per turn
GPU_FRAMES = 1024


@dataclass
class Bench:
    """The inputs and settings that all parts share."""

    folder: Path
    model: Path
    device: Device
    threads: int | None
    frames: int
    rounds: int

    def __post_init__(self) -> None:
        """The selfie is our first portrait."""
        self.selfie = list_portraits()[0].path

    def whole(self) -> Iterator[str | Figures]:
        """The whole pipeline, in a new process and warm."""
        figures = measure(self.model, self.device, self.threads, self.frames)
        yield from (figures.summary(), asdict(figures))

    def stations(self) -> Iterator[str | Figures]:
        """Every step alone."""
        engine, template = self._open()
        found = measure_stations(engine, self.selfie, template.motion, self.folder)
        for part, stations in found.items():
            each = ", ".join(f"{name} {figures['cpu_ms']:.1f}" for name, figures in stations.items())
            yield f"cpu ms a frame, {part}: {each}"
        yield found

    def rivals(self) -> Iterator[str | Figures]:
        """Comparison with vox-256."""
        if missing := missing_packages():
            yield f"vox-256 is left out: {', '.join(missing)} not installed (pip install 'reenact[train]')"
            return
        engine, template = self._open()
        clip = self.folder / "clip.mp4"
        animate(engine, self.selfie, template, clip, AnimateOptions())
        ours = {
            "ours": partial(self._animate, engine, template),
            "ours from a clip": partial(self._animate, engine, clip),
        }
        found = compare_with_reference(ours, self.threads or available_cores(), self.rounds, REFERENCE_FRAMES)
        for pair, ratios in found["times_as_fast"].items():
            yield f"{pair}: {ratios['wall']} times as fast by the clock, {ratios['cpu']} by the processor"
        yield found

    def swap(self) -> Iterator[str | Figures]:
        """Swap, compared with animate from the same clip."""
        # First: a child's peak memory includes the pages that it shares with its parent at the start.
        lengths = [self.frames, 4 * self.frames]
        memory = measure_swap_memory(self.folder, self.selfie, self.model, self.device, lengths)
        each = ", ".join(f"{one['peak_mb']} MB with {frames} frames" for frames, one in memory.items())
        yield f"a swap at 1920x1080: {each}"
        engine, template = self._open()
        clip = self.folder / "clip.mp4"
        animate(engine, self.selfie, template, clip, AnimateOptions())
        stations = measure_swap_stations(engine, self.selfie, clip, self.folder)
        each = ", ".join(f"{name} {figures['cpu_ms']:.1f}" for name, figures in stations.items())
        yield f"cpu ms a frame, swap: {each}"
        found = compare_swap(engine, self.selfie, clip, self.folder, self.rounds)
        speed, times = found["swap"]["frames_per_second"], found["times_of_animate"]
        yield f"swap: {speed} frames/s, {times} times the time of animating from the same clip"
        yield {"memory": memory, "stations": stations, **found}

    def growth(self) -> Iterator[str | Figures]:
        """How cost scales with frames, size, batch, threads and jobs."""
        lengths = [self.frames, 3 * self.frames, 10 * self.frames, MOST_FRAMES * self.frames]
        # First: a child's peak memory includes the pages that it shares with its parent at the start.
        memory = measure_memory(self.folder, self.selfie, self.model, self.device, lengths)
        least = memory["frames"][str(self.frames)]["peak_mb"]
        yield f"memory: {least} MB, {memory['most_more_mb']} more at most with up to {lengths[-1]} frames"
        engine, _ = self._open()
        growth = ScalingBench(self.model, self.device, self.selfie, self.folder, self.frames)
        sizes, jobs = growth.sizes(engine, self.rounds), growth.jobs(self.rounds)
        for size, figures in sizes.items():
            wall, cpu = figures["wall_of_256"], figures["cpu_of_256"]
            yield f"{size}: {wall} times the time of 256 by the clock, {cpu} by the processor"
        yield f"jobs at once: {jobs['throughput_at_once']} times the frames a second of one after the other"
        threads, batch = growth.by_threads(), growth.by_batch(engine)
        yield {"memory": memory, "size": sizes, "jobs": jobs, "threads": threads, "batch": batch}

    def gpu(self) -> Iterator[str | Figures]:
        """Motion and decoder on an NVIDIA GPU."""
        if reason := cuda.missing_requirement():
            yield f"The GPU is left out. {reason}"
            return
        write_template(self.folder, self.model, self.frames)
        motion = get_template(ID, self.folder, ModelFolder(self.model).hash("keypoints")).motion
        speeds = measure_gpu(self.model, self.selfie, motion, GPU_FRAMES)
        for precision, batches in speeds.items():
            each = ", ".join(f"batch {batch} {one['frames_per_second']}" for batch, one in batches.items())
            yield f"frames/s on the GPU, {precision}: {each}"
        best, batch = list(speeds)[-1], BATCHES[-1]
        speed = speeds[best][str(batch)]["frames_per_second"]
        found: Figures = {"card": cuda.gpu_name(), "speeds": speeds}
        try:
            graph = ModelFolder(self.model).path(GRAPHS[best])
            found["roofline"] = roofline(graph, batch, found["card"], speed)
            yield f"{found['card']}, {best}, batch {batch}: {found['roofline']}"
            found["eager"] = measure_eager(REFERENCE_FRAMES * 10).figures
            found["times_as_fast_as_eager"] = round(speed / found["eager"]["frames_per_second"], 2)
            yield f"vox-256 as its demo runs it: {found['times_as_fast_as_eager']} times as fast"
        except SetupError as error:
            yield f"Left out: {error}"
        yield found

    def machine(self) -> Figures:
        """The machine and its load now."""
        return describe(Engine(self.model, device=self.device, threads=self.threads), self.threads)

    def _open(self) -> tuple[Engine, Template]:
        write_template(self.folder, self.model, self.frames)
        engine = Engine(self.model, device=self.device, threads=self.threads)
        engine.warm()
        return engine, get_template(ID, self.folder, engine.model)

    def _animate(self, engine: Engine, template: Template | Path) -> Timing:
        """The whole pipeline as the service runs it, with a watermark."""
        options, out = AnimateOptions(watermark=Watermark(1)), self.folder / "ours.mp4"
        return measure_time(lambda: animate(engine, self.selfie, template, out, options), self.frames)


def run(
    parts: Sequence[str],
    out: Path,
    *,
    model: Path = DEFAULT_MODEL,
    device: Device = "auto",
    threads: int | None = None,
    frames: int = 100,
    rounds: int = 3,
) -> Iterator[str]:
    """Measure parts (of ``reenact.cli.check.PARTS``); yields readable lines.

    Each part is written to ``out``, with the load before and after it, as soon as it is measured. A chart of
    all parts is written beside it.

    Raises:
        OutputError: ``out`` cannot be written.
        SetupError: a measured process failed.
    """
    written = False
    with tempfile.TemporaryDirectory(prefix="reenact-bench-") as name:
        bench = Bench(Path(name), model, device, threads, frames, rounds)
        for part in parts:
            load = os.getloadavg()[0]
            for said in getattr(bench, part)():
                if isinstance(said, str):
                    yield said
                else:
                    found = said | {"load": [round(load, 1), round(os.getloadavg()[0], 1)]}
                    figures = {**_read(out), part: found, "machine": bench.machine()}
                    _write(figures, out)
                    written = True
    yield str(out) if written else "Nothing was measured, and nothing written."


def _read(out: Path) -> Figures:
    try:
        found: Figures = json.loads(out.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(figures: Figures, out: Path) -> None:
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
        write_chart(figures, out.with_suffix(".svg"))
    except OSError as error:
        raise unwritable(f"The file {out} of figures", error) from error
