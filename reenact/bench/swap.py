"""Swap: every step alone, comparison with animate from the same clip, and memory."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from reenact.bench.cpu_time import Timing, measure_time
from reenact.bench.stations import Figures, Stopwatch
from reenact.bench.whole import ID, Device, run_watched, write_template
from reenact.driver import FaceTrackDriver
from reenact.engine import Engine
from reenact.face.align import align, choose
from reenact.footage import Footage, open_footage
from reenact.gallery import get_template
from reenact.media import open_clip, read_picture, write_clip
from reenact.options import AnimateOptions, SwapOptions
from reenact.overlay import Overlay
from reenact.pipeline import animate, swap
from reenact.scene import Layer
from reenact.subject import open_subject
from reenact.types import Clip, Picture
from reenact.watermark.embed import Watermark

SHAPE = (1080, 1920)  # of the clip for measuring memory
_FACE = 512  # side of the animated square in it, in pixels
_SWAP = """
import sys
from pathlib import Path
from reenact import Engine, swap
model, device, selfie, clip, out = sys.argv[1:]
swap(Engine(Path(model), device=device), Path(selfie), Path(clip), Path(out))
"""


def measure_swap_stations(engine: Engine, selfie: Path, clip: Path, folder: Path) -> Figures:
    """Milliseconds per frame of each step; work done once per job is counted as one frame.

    Args:
        engine: already warmed up.
        selfie: a picture of a face.
        clip: a short one that shows a face throughout.
        folder: receives the file.
    """
    note, frames = Stopwatch(), list(open_clip(clip).frames)
    count = len(frames)
    note("decode", count, lambda: list(open_clip(clip).frames))
    footage: Footage = note("track", count, lambda: open_footage(engine, clip))
    track, picture = footage.tracks[0], read_picture(selfie)
    face = choose(engine.finder.find(picture))
    size = track.painted_size(SwapOptions().size)
    subject = note("subject", 1, lambda: open_subject(engine, picture, face, align(face), size))
    layer = Layer(subject, FaceTrackDriver(track, footage.fps, 1.0))
    squares = note("render", count, lambda: list(layer.squares()))
    overlay = Overlay(engine, footage, track)
    own = note("rebuild", count, lambda: list(overlay.rebuilt()))
    seen = np.flatnonzero(track.visibility > 0).tolist()
    parts = zip(seen, squares, layer.poses.landmarks, own, strict=False)
    analyzed = note("analyze", count, lambda: [overlay.analyze(i, frames[i], *rest) for i, *rest in parts])
    around = zip([None, *analyzed], analyzed, [*analyzed[1:], None], strict=False)
    made = note(
        "lay", count, lambda: [overlay.lay(frames[now.index], *near) for near in around if (now := near[1])]
    )
    result = Clip(iter(made), footage.fps, len(made))
    note("encode video", count, lambda: write_clip(result, folder / "stations-swap.mp4"))
    return note.figures


def compare_swap(engine: Engine, selfie: Path, clip: Path, folder: Path, rounds: int) -> dict[str, Any]:
    """Swap and animate alternately from one clip, with tracking and watermark; the fastest turn of each."""
    mark, out, frames = Watermark(1), folder / "turn.mp4", sum(1 for _ in open_clip(clip).frames)
    ways = {
        "swap": lambda: swap(engine, selfie, clip, out, SwapOptions(watermark=mark)),
        "animate": lambda: animate(engine, selfie, clip, out, AnimateOptions(watermark=mark)),
    }
    turns: dict[str, list[Timing]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            turns[name].append(measure_time(way, frames))
    best = {name: min(all, key=lambda timing: timing.wall) for name, all in turns.items()}
    ratio = best["swap"].wall / best["animate"].wall
    return {name: timing.figures for name, timing in best.items()} | {"times_of_animate": round(ratio, 2)}


def measure_swap_memory(
    folder: Path, selfie: Path, model: Path, device: Device, lengths: Sequence[int]
) -> dict[str, Any]:
    """Peak memory and seconds of a whole process for clips of 1920x1080 with these numbers of frames."""
    found = {}
    for frames in lengths:
        clip = folder / f"wide-{frames}.mp4"
        # In a separate process: this one must stay small, or its child's peak would include it
        given = [str(folder), str(selfie), str(model), frames]
        call = f"from reenact.bench.swap import write_wide; write_wide(*{given})"
        run_watched([sys.executable, "-c", call])
        command = [sys.executable, "-c", _SWAP, str(model), device, str(selfie), str(clip)]
        seconds, peak = run_watched([*command, str(folder / "wide.mp4")])
        found[str(frames)] = {"peak_mb": round(peak / 1e6, 1), "seconds": round(seconds, 2)}
    return found


def write_wide(folder: str, selfie: str, model: str, frames: int) -> None:
    """Write ``wide-FRAMES.mp4``: an animated portrait that moves through a frame of 1920x1080."""
    place = Path(folder)
    engine = Engine(Path(model))
    write_template(place, Path(model), min(frames, 100))
    template = get_template(ID, place, engine.model)
    small = place / "face.mp4"
    animate(engine, Path(selfie), template, small, AnimateOptions(size=_FACE, paste="crop"))
    faces = list(open_clip(small).frames)
    turns = chain.from_iterable(faces if turn % 2 == 0 else faces[::-1] for turn in range(frames))
    wide = (_wide(face, index) for index, face in zip(range(frames), turns, strict=False))
    write_clip(Clip(wide, Fraction(25), frames), place / f"wide-{frames}.mp4")


def _wide(face: Picture, index: int) -> Picture:
    """A frame in which the face is shifted slightly to the right or left."""
    frame = np.asarray(Image.fromarray(face).resize(SHAPE[::-1], Image.Resampling.BILINEAR)) // 3
    top, left = (SHAPE[0] - _FACE) // 2, round((SHAPE[1] - _FACE) / 2 + 200 * np.sin(index / 40))
    frame[top : top + _FACE, left : left + _FACE] = face
    return frame
