"""Time of every step of the pipeline, each measured alone.

In the pipeline they overlap, so their sum is more than its wall-clock time.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from reenact.bench.cpu_time import Timing, measure_time
from reenact.compose.canvas import Canvas
from reenact.engine import Engine
from reenact.face.align import align, choose, extract_crop
from reenact.generator.renderer import BATCH, NATIVE_SIZE, Source
from reenact.media import open_clip, read_picture, write_clip
from reenact.motion.transfer import TransferOptions, transfer
from reenact.subject import open_subject
from reenact.types import Clip, Keypoints, Motion
from reenact.watermark.embed import Marker, Watermark

T = TypeVar("T")
Figures = dict[str, dict[str, float]]
SIZES = (256, 512, 1024)


def measure_stations(engine: Engine, selfie: Path, motion: Motion, folder: Path) -> dict[str, Figures]:
    """Milliseconds of each step for each size; work done once per job is counted as one frame.

    Args:
        engine: already warmed up.
        selfie: a picture of a face.
        motion: only its first few batches are used.
        folder: receives the files.
    """
    found = {}
    for size in SIZES:
        clip = folder / f"stations-{size}.mp4"
        found[str(size)] = _rendering(engine, selfie, motion, size, clip)
    return {"track": _tracking(engine, folder / f"stations-{NATIVE_SIZE}.mp4"), **found}


def source_and_poses(engine: Engine, selfie: Path, motion: Motion) -> tuple[Source, Keypoints]:
    """The renderer's inputs to animate a selfie with a motion, at 256."""
    picture = read_picture(selfie)
    face = choose(engine.finder.find(picture))
    source = open_subject(engine, picture, face, align(face), NATIVE_SIZE).source
    return source, transfer(source.keypoints, motion.keypoints, TransferOptions(), motion.fps)


def _rendering(engine: Engine, selfie: Path, motion: Motion, size: int, out: Path) -> Figures:
    """The steps from a selfie and a stored motion to a file."""
    note = Stopwatch()
    picture = note("read", 1, lambda: read_picture(selfie))
    face = choose(note("find", 1, lambda: engine.finder.find(picture)))
    crop = align(face)
    subject = note(
        "cut, keypoints and encode source", 1, lambda: open_subject(engine, picture, face, crop, size)
    )
    source = subject.source
    driven = transfer(source.keypoints, motion.keypoints, TransferOptions(), motion.fps)[: 8 * BATCH]
    starts, count = range(0, len(driven), BATCH), len(driven)
    batches = [driven[start : start + BATCH] for start in starts]
    made = note("motion and decode", count, lambda: [engine.renderer.paint(source, each) for each in batches])
    squares = note(
        "compose", count, lambda: [frame for each in made for frame in engine.renderer.compose(source, each)]
    )
    mouth = note("teeth and light", 1, lambda: subject.mouth)
    poses = zip(squares, driven.landmarks, strict=True)
    if mouth:
        squares = note("mouth", count, lambda: [mouth.draw(*each) for each in poses])
    canvas = note("still picture", 1, lambda: Canvas(picture, crop, size))
    frames = note("paste", count, lambda: [canvas.paste(square) for square in squares])
    marker = Marker(Watermark(1))
    marked = note("watermark", count, lambda: [marker.mark(frame) for frame in frames])
    note("encode video", count, lambda: write_clip(Clip(iter(marked), motion.fps, count), out))
    return note.figures


def _tracking(engine: Engine, clip: Path) -> Figures:
    """The steps from a clip to its motion."""
    note = Stopwatch()
    frames = list(open_clip(clip).frames)  # so that the first decoding does not include loading FFmpeg
    note("decode", len(frames), lambda: list(open_clip(clip).frames))
    faces = note("find", len(frames), lambda: list(engine.finder.follow(frames)))
    seen = [(frame, face) for frame, face in zip(frames, faces, strict=True) if face]
    crop = align(seen[0][1])
    cuts = note(
        "align and cut",
        len(seen),
        lambda: [(extract_crop(frame, crop, NATIVE_SIZE), face) for frame, face in seen],
    )
    note("keypoints", len(cuts), lambda: engine.detector.many(cuts, crop))
    return note.figures


class Stopwatch:
    """Runs the work of a step and records its time per frame."""

    def __init__(self) -> None:
        self.figures: Figures = {}

    def __call__(self, name: str, frames: int, work: Callable[[], T]) -> T:
        """Run and time the work; returns its result."""
        results: list[T] = []
        timing: Timing = measure_time(lambda: results.append(work()), frames)
        self.figures[name] = timing.figures
        return results[0]
