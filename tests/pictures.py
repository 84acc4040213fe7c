"""The pictures of README and model card, made again with the present model.

python -m tests.pictures --out docs/pictures
"""

from __future__ import annotations

import argparse
import tempfile
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

from reenact.engine import Engine
from reenact.face.align import align, choose, extract_crop
from reenact.gallery.portraits import list_portraits
from reenact.gallery.templates import get_template
from reenact.landmarks import OPENINGS
from reenact.media import EncodeOptions, open_clip, read_picture, write_clip
from reenact.motion.transfer import TransferOptions, transfer
from reenact.options import SwapOptions
from reenact.pipeline import swap
from reenact.subject import open_subject
from reenact.types import Clip, Picture

ROWS = ("eileen-collins", "thomas-jefferson", "elizabeth-i")
COLUMNS = ("look-around", "surprise", "laugh", "blink")
MOVING = {"eileen-collins": "look-around", "thomas-jefferson": "talk", "pocahontas": "sing"}
SWAPPED = {"eileen-collins": ("thomas-jefferson", "laugh"), "thomas-jefferson": ("eileen-collins", "talk")}
MOMENTS = (4, 12, 20)  # frames of a swapped clip
SIDE, MOVING_SIDE, FRAMES, FPS = 200, 192, 48, 15


def moved(engine: Engine, portrait: str, template: str) -> list[Picture]:
    """A bundled portrait's square, moved by a bundled template: T frames (512, 512, 3)."""
    (path,) = (item.path for item in list_portraits() if item.id == portrait)
    picture = read_picture(path)
    face = choose(engine.finder.find(picture), "largest")
    crop = align(face)
    subject = open_subject(engine, picture, face, crop, 512)
    motion = get_template(template).motion
    driven = transfer(subject.keypoints, motion.keypoints, TransferOptions(), motion.fps)
    return list(subject.render(driven))


def height(frames: list[Picture], template: str) -> Picture:
    """The frame at a template's height: lids most closed in a blink, else farthest from the first."""
    if template == "blink":
        landmarks = get_template(template).motion.keypoints.landmarks
        opened = [np.linalg.norm(landmarks[:, a] - landmarks[:, b], axis=-1) for a, b in OPENINGS[1:]]
        return frames[int(np.sum(opened, 0).argmin())]
    first = frames[0].astype(int)
    return max(frames, key=lambda frame: float(np.abs(frame - first).mean()))


def beside(frames: list[Picture], side: int) -> Picture:
    """Frames of one size in a row, each (side, side, 3)."""
    small = (Image.fromarray(frame).resize((side, side), Image.Resampling.LANCZOS) for frame in frames)
    return np.concatenate([np.asarray(frame) for frame in small], 1)


def swapped(engine: Engine, selfie: str, portrait: str, template: str) -> Picture:
    """A selfie, then at three moments a portrait that moves and the same with the selfie's face."""
    (path,) = (item.path for item in list_portraits() if item.id == selfie)
    picture = read_picture(path)
    face = choose(engine.finder.find(picture), "largest")
    frames = moved(engine, portrait, template)[: MOMENTS[-1] + 1]
    with tempfile.TemporaryDirectory() as folder:
        clip, out = Path(folder) / "clip.mp4", Path(folder) / "swap.mp4"
        write_clip(Clip(iter(frames), Fraction(25), len(frames)), clip, options=EncodeOptions(crf=4))
        swap(engine, path, clip, out, SwapOptions(encode=EncodeOptions(crf=4)))
        results = list(open_clip(out).frames)
    both = (each for moment in MOMENTS for each in (frames[moment], results[moment]))
    return beside([extract_crop(picture, align(face), 512), *both], SIDE)


def main() -> None:
    """Write ``grid.jpg``, ``swap.jpg`` and ``moving.webp``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/pictures"))
    out: Path = parser.parse_args().out
    engine, rows = Engine(), []
    for portrait in ROWS:
        clips = [moved(engine, portrait, template) for template in COLUMNS]
        rows.append(beside([clips[0][0], *map(height, clips, COLUMNS)], SIDE))
    Image.fromarray(np.concatenate(rows)).save(out / "grid.jpg", quality=90)
    sheet = np.concatenate([swapped(engine, selfie, *clip) for selfie, clip in SWAPPED.items()])
    Image.fromarray(sheet).save(out / "swap.jpg", quality=90)
    clips = [moved(engine, *pair) for pair in MOVING.items()]
    places = [np.linspace(0, len(clip) - 1, FRAMES).round().astype(int) for clip in clips]
    shown = (
        beside([clip[place[step]] for clip, place in zip(clips, places, strict=True)], MOVING_SIDE)
        for step in range(FRAMES)
    )
    write_clip(
        Clip(shown, Fraction(FPS), FRAMES), out / "moving.webp", options=EncodeOptions(webp_quality=70)
    )


if __name__ == "__main__":
    main()
