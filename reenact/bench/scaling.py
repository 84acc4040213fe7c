"""How time scales with frames, size, batch, threads and concurrent jobs, and memory with frames."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from reenact.bench.cpu_time import Timing, measure_time
from reenact.bench.stations import source_and_poses
from reenact.bench.whole import ID, Device, run_cold, write_template
from reenact.engine import Engine
from reenact.gallery import get_template
from reenact.generator.renderer import NATIVE_SIZE
from reenact.options import AnimateOptions
from reenact.pipeline import animate
from reenact.runtime import available_cores
from reenact.types import Template
from reenact.watermark.embed import Watermark

SIZES = (256, 512, 1024)
BATCHES = (1, 2, 4, 8, 16)
JOBS = 4


def measure_memory(
    folder: Path, selfie: Path, model: Path, device: Device, lengths: Sequence[int]
) -> dict[str, Any]:
    """Peak memory and seconds of a whole process for motions of these lengths in frames."""
    found = {}
    for frames in lengths:
        write_template(folder, model, frames)
        seconds, peak = run_cold(folder, selfie, model, device, None)
        found[str(frames)] = {"peak_mb": round(peak / 1e6, 1), "seconds": round(seconds, 2)}
    peaks = [each["peak_mb"] for each in found.values()]
    return {"frames": found, "most_more_mb": round(max(peaks) - peaks[0], 1)}


class ScalingBench:
    """Runs the pipeline repeatedly, with one parameter changed."""

    def __init__(self, model: Path, device: Device, selfie: Path, folder: Path, frames: int) -> None:
        """``folder`` has the template of ``frames`` frames and receives the files."""
        self._model, self._device, self._selfie, self._folder = model, device, selfie, folder
        self._frames = frames

    def sizes(self, engine: Engine, rounds: int) -> dict[str, Any]:
        """Each size in turn; ``of_256`` is the time relative to 256."""
        taken: dict[int, list[Timing]] = {size: [] for size in SIZES}
        for _ in range(rounds):
            for size in SIZES:
                taken[size].append(self._once(engine, size))
        best = {size: min(all, key=lambda timing: timing.wall) for size, all in taken.items()}
        return {
            str(size): timing.figures
            | {
                "wall_of_256": round(timing.wall / best[NATIVE_SIZE].wall, 2),
                "cpu_of_256": round(timing.cpu / best[NATIVE_SIZE].cpu, 2),
            }
            for size, timing in best.items()
        }

    def open(self, threads: int | None) -> Engine:
        """A warm engine."""
        engine = Engine(self._model, device=self._device, threads=threads)
        engine.warm()
        return engine

    def by_threads(self) -> dict[str, Any]:
        """Time of one job by number of threads."""
        counts = [2**power for power in range(available_cores().bit_length())]
        return {str(count): self._once(self.open(count), NATIVE_SIZE).figures for count in counts}

    def by_batch(self, engine: Engine) -> dict[str, Any]:
        """Time of motion and decoder alone by batch size."""
        source, poses = source_and_poses(engine, self._selfie, self._template(engine).motion)
        poses = poses[: min(len(poses), 2 * max(BATCHES))]
        found = {}
        for batch in BATCHES:
            frames = engine.renderer.batched(batch).render(source, poses)
            found[str(batch)] = measure_time(partial(list, frames), len(poses)).figures
        return found

    def jobs(self, rounds: int) -> dict[str, Any]:
        """Some jobs in sequence on all cores, and concurrently with the cores divided among them."""
        whole = self.open(None)
        shared = self.open(max(1, available_cores() // JOBS))
        after, at_once = [], []
        for _ in range(rounds):
            after.append(measure_time(lambda: [self._once(whole, NATIVE_SIZE) for _ in range(JOBS)]))
            at_once.append(measure_time(lambda: self._together(shared)))
        pairs = zip(after, at_once, strict=True)
        ratios = [(round(a.wall / b.wall, 2), round(a.cpu / b.cpu, 2)) for a, b in pairs]
        return {
            "jobs": JOBS,
            "frames_each": self._frames,
            "after_each_other_s": [round(each.wall, 2) for each in after],
            "at_once_s": [round(each.wall, 2) for each in at_once],
            "throughput_at_once": [wall for wall, _ in ratios],
            "cpu_ratio": [cpu for _, cpu in ratios],
        }

    def _together(self, engine: Engine) -> None:
        with ThreadPoolExecutor(JOBS) as pool:
            list(pool.map(lambda number: self._once(engine, NATIVE_SIZE, number), range(JOBS)))

    def _once(self, engine: Engine, size: int, number: int = 0) -> Timing:
        out = self._folder / f"growth-{number}.mp4"
        options = AnimateOptions(size=size, watermark=Watermark(1))
        template = self._template(engine)
        return measure_time(lambda: animate(engine, self._selfie, template, out, options), self._frames)

    def _template(self, engine: Engine) -> Template:
        template = get_template(ID, self._folder, engine.model)
        return replace(template, driving=None)
