"""An engine without a model, for tests whose subject is the service around it.

It keeps what ``animate`` promises: ``tests/server/test_fake_engine.py`` holds both to the same checks. What
it writes are real files, in which the picture slides sideways. A face is seen in every picture that has large
forms, so neither in noise nor in one colour. Frames take some time, so that a job can be watched and stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import numpy as np
from PIL import Image

from reenact.engine import Engine
from reenact.errors import DrivingStill
from reenact.face.align import choose
from reenact.media import open_clip, read_picture, write_clip
from reenact.options import AnimateOptions
from reenact.pipeline import Animated, report_progress
from reenact.tracking import fill_missing_faces
from reenact.types import Clip, Face, FrameCallback, Picture, ProgressCallback, Template

PROVIDER = "FakeProvider"
FRAME_SECONDS = 0.01  # that a frame takes at least
CONTRAST = 8.0  # of 8 x 8 pixels, from which on a picture has a face


class FakeFinder:
    """Sees one face, in the middle of a picture."""

    def find(self, picture: Picture) -> list[Face]:
        small = Image.fromarray(picture).convert("L").resize((8, 8), Image.Resampling.BOX)
        if np.asarray(small, np.float32).std() < CONTRAST:
            return []
        height, width = picture.shape[:2]
        around = np.linspace(0, 2 * np.pi, 478)
        oval = np.stack([2 + np.cos(around), 2 + np.sin(around)], 1) * (width / 4, height / 4)
        box = (width / 4, height / 4, width * 3 / 4, height * 3 / 4)
        return [Face(box, 0.9, oval.astype(np.float32))]


class FakeEngine:
    """What ``EngineWorker`` asks of an engine, beside ``animate``."""

    provider, model, digest = PROVIDER, "0" * 64, "0" * 64

    def __init__(self) -> None:
        self.finder = FakeFinder()


def fake_engine() -> Engine:
    """One that fits wherever ``fake_animate`` takes the place of ``animate``."""
    return cast(Engine, FakeEngine())


def fake_animate(
    engine: Engine,
    selfie: bytes | Path,
    template: Template | Path,
    out: Path,
    options: AnimateOptions | None = None,
    on_progress: ProgressCallback | None = None,
    on_frame: FrameCallback | None = None,
) -> Animated:
    """As ``reenact.pipeline.animate``, without label, watermark and credentials."""
    options, started = options or AnimateOptions(), time.perf_counter()
    picture = read_picture(selfie)
    faces = engine.finder.find(picture)
    choose(faces, options.face)
    found = time.perf_counter()
    motion = _motion(engine, template, options, on_progress)
    tracked = time.perf_counter()
    shown = Image.fromarray(picture)
    if options.paste == "crop":
        shown = shown.resize((options.size, options.size))
    count = motion.frame_count or 0
    frames = report_progress(_slide(np.asarray(shown), count, options.mirror), count, on_progress, on_frame)
    clip = Clip(frames, motion.fps, count, motion.audio)
    written = write_clip(clip, out, options=options.encode)
    seconds = {"find": found - started, "track": tracked - found, "render": time.perf_counter() - tracked}
    return Animated(written, tuple(faces), seconds)


def animate_with(real: Callable[..., Animated]) -> Callable[..., Animated]:
    """``fake_animate`` for the fake engine, and ``real`` for others."""
    return lambda engine, *rest: (fake_animate if isinstance(engine, FakeEngine) else real)(engine, *rest)


def _motion(
    engine: Engine, template: Template | Path, options: AnimateOptions, on_progress: ProgressCallback | None
) -> Clip:
    """Length, rate and sound of what is to move; the frames of a clip are read, and looked through."""
    if isinstance(template, Template):
        motion = template.motion
        return Clip(iter(()), motion.fps, len(motion), template.driving)
    clip = open_clip(template)
    has_face = []
    for frame in clip.frames:
        if on_progress:
            on_progress(0, clip.frame_count or 0)
        has_face.append(bool(engine.finder.find(frame)))
    count = len(fill_missing_faces(np.array(has_face)))
    if options.transfer.mode == "relative" and count == 1:
        raise DrivingStill("The clip is a single picture.")
    return Clip(iter(()), clip.fps, count, clip.audio)


def _slide(picture: Picture, count: int, mirror: bool) -> Iterator[Picture]:
    for shift in range(count):
        time.sleep(FRAME_SECONDS)
        yield np.roll(picture, -shift if mirror else shift, axis=1)
