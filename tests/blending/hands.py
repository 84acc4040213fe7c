"""How whole a hand stays that passes in front of a face which is swapped, on people held out.

    python -m tests.blending.hands --data ../shared --out sheet.jpg

A drawn hand crosses each clip's face within a second. It is whole in a frame if 95 of 100 of its pixels keep
the clip's values within 8 levels. The same clips without a hand tell how much of the face is wrongly taken
for something in front of it.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from reenact.cli.swapped import ObservedOverlay, swap_frames
from reenact.engine import Engine
from reenact.evaluation.clips import pair_up, read_frames, sample_clips
from reenact.evaluation.hd import one_clip_per_person
from reenact.evaluation.methods import SwappedFrame
from reenact.media import EncodeOptions, write_clip
from reenact.overlay import Analysis
from reenact.types import Clip, Picture

SIDE, FRAMES, FPS = 256, 25, Fraction(25)
LEVELS, WHOLE = 8, 0.95
REACHES = 0.05  # of the face must be behind the hand for a frame to count
# In hand units, the palm's centre at 0 and fingers up: base, tip, half widths at both; the last is the thumb
FINGERS = (
    ((-0.36, -0.25), (-0.62, -1.02), 0.13, 0.09),
    ((-0.13, -0.38), (-0.2, -1.3), 0.14, 0.1),
    ((0.12, -0.38), (0.17, -1.38), 0.14, 0.1),
    ((0.35, -0.28), (0.5, -1.2), 0.13, 0.09),
    ((0.38, 0.2), (0.98, -0.4), 0.17, 0.12),
)
FINER = 3  # drawn larger, against steps


def hand(skin: tuple[float, ...], size: float, turn: float, seed: int) -> tuple[Picture, np.ndarray]:
    """A hand on an arm, (256, 256, 3) uint8 and its alpha (256, 256) in [0, 1], centred.

    Round limbs shaded by their own height, a light from above left, joints, nails and grain.
    """
    side = SIDE * FINER
    y, x = (np.mgrid[:side, :side].astype(np.float32) / side - 0.5) * SIDE / size
    x, y = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    height = np.sqrt(np.clip(1 - (x / 0.52) ** 2 - (y / 0.55) ** 2, 0, None)) * 0.3
    height = np.maximum(height, _limb(x, y, (0.0, 0.3), (0.05, 3.0), 0.42, 0.48) * 0.8)
    for base, tip, wide, narrow in FINGERS:
        height = np.maximum(height, _limb(x, y, base, tip, wide, narrow))
    inside = np.asarray(Image.fromarray(np.uint8(255 * (height > 0))).reduce(FINER), np.float32) / 255
    slope = np.gradient(np.asarray(Image.fromarray(height).filter(ImageFilter.GaussianBlur(2 * FINER))))
    light = np.clip(1 + 12 * (slope[0] + 0.6 * slope[1]) * side / SIDE * size / 60, 0.35, 1.25)
    light = np.asarray(Image.fromarray(light.astype(np.float32)).reduce(FINER))
    noise = np.random.default_rng(seed).normal(0, 0.015, (SIDE, SIDE))
    colour = np.array(skin)[None, None] * (light * (1 + noise))[..., None]
    colour *= 1 + 0.12 * np.array([0.3, -0.5, -0.5]) * (1 - light[..., None])
    alpha = np.asarray(Image.fromarray(inside).filter(ImageFilter.GaussianBlur(0.7)))
    return np.clip(colour, 0, 255).astype(np.uint8), alpha


def _limb(
    x: np.ndarray,
    y: np.ndarray,
    base: tuple[float, float],
    tip: tuple[float, float],
    wide: float,
    narrow: float,
) -> np.ndarray:
    """Height of a rounded limb over each place; 0 beside it."""
    (ax, ay), (bx, by) = base, tip
    along = np.clip(((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / ((bx - ax) ** 2 + (by - ay) ** 2), 0, 1)
    radius = wide + (narrow - wide) * along
    distance = np.hypot(x - ax - along * (bx - ax), y - ay - along * (by - ay))
    height: np.ndarray = np.sqrt(np.clip(radius**2 - distance**2, 0, None))
    return height


def crossing(frames: list[Picture], seed: int) -> tuple[list[Picture], list[np.ndarray]]:
    """Frames with a hand that crosses them from left to right, and its alpha in each."""
    random = np.random.default_rng(seed)
    middle = frames[0][96:160, 96:160].reshape(-1, 3).mean(0)  # the clip's own skin: the hardest to tell
    skin = tuple(np.clip(middle * random.uniform(0.8, 1.2), 40, 235))
    picture, alpha = hand(skin, random.uniform(55, 75), random.uniform(-0.5, 0.5), seed)
    made, alphas = [], []
    for index, frame in enumerate(frames):
        shift = (index / max(len(frames) - 1, 1) - 0.5) * 2.2 * SIDE / 2, random.uniform(-1, 1) + 40
        way = (1, 0, -shift[0], 0, 1, -shift[1])
        moved = Image.fromarray(picture).transform((SIDE, SIDE), Image.Transform.AFFINE, way, 2)
        cover = np.asarray(Image.fromarray(alpha).transform((SIDE, SIDE), Image.Transform.AFFINE, way, 2))
        made.append((frame + (np.asarray(moved, np.float32) - frame) * cover[..., None]).round().astype("u1"))
        alphas.append(cover)
    return made, alphas


class FrontOverlay(ObservedOverlay):
    """Keeps as well which share of the mask was given back, frame by frame."""

    given_back: list[float]

    def lay(self, frame: Picture, before: Analysis | None, now: Analysis, after: Analysis | None) -> Picture:
        """The frame with the new face."""
        front = np.asarray(Image.fromarray(self._front(before, now, after)).resize(now.alpha.shape[::-1]))
        self.given_back.append(float((front * now.alpha).sum() / max(now.alpha.sum(), 1e-6)))
        return super().lay(frame, before, now, after)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared"))
    parser.add_argument("--clips", type=int, default=12)
    parser.add_argument("--out", type=Path, help="a sheet of pictures")
    arguments = parser.parse_args()
    engine, wholes, wrong, rows = Engine(), [], [], []
    clips = one_clip_per_person(list((arguments.data / "faces_hd" / "val").glob("hd-*.mp4")))
    for seed, pair in enumerate(pair_up(clips, sample_clips(clips, arguments.clips))):
        selfie, frames = _small(pair.source, 1)[0], _small(pair.driving, FRAMES)
        _, given_back = _swap(engine, selfie, frames)
        wrong += given_back
        covered, alphas = crossing(frames, seed)
        results, _ = _swap(engine, selfie, covered)
        found = list(_wholeness(results, alphas))
        wholes += found
        rows.append(np.concatenate([each.after for each in results[4::4]], 1))
        share = np.mean([each >= WHOLE for each in found])
        print(
            f"{pair.driving.stem}  whole in {share:.2f} of {len(found)} frames, "
            f"{np.mean(found):.3f} of the hand; wrongly given back {np.mean(given_back):.4f}",
            flush=True,
        )
    print(
        f"all  whole in {np.mean([each >= WHOLE for each in wholes]):.3f} of {len(wholes)} frames, "
        f"{np.mean(wholes):.3f} of the hand; wrongly given back {np.mean(wrong):.4f} of the mask"
    )
    if arguments.out:
        width = min(row.shape[1] for row in rows)
        Image.fromarray(np.concatenate([row[:, :width] for row in rows])).save(arguments.out)


def _small(path: Path, count: int) -> list[Picture]:
    frames = read_frames(path, count)
    return [np.asarray(Image.fromarray(frame).resize((SIDE, SIDE), Image.Resampling.BOX)) for frame in frames]


def _swap(engine: Engine, selfie: Picture, frames: list[Picture]) -> tuple[list[SwappedFrame], list[float]]:
    """Swapped frames, and the share of the mask that each gave back."""
    given_back: list[float] = []
    kind = type("Overlay", (FrontOverlay,), {"given_back": given_back})
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "clip.mp4"
        write_clip(Clip(iter(frames), FPS, len(frames)), path, options=EncodeOptions(crf=4))
        return list(swap_frames(engine, selfie, path, overlay_of=kind)), given_back


def _wholeness(results: list[SwappedFrame], alphas: list[np.ndarray]) -> Iterator[float]:
    """Of each frame in which the hand is before the face: the share of its pixels there that stay."""
    for frame, alpha in zip(results, alphas, strict=True):
        hidden = (alpha > 0.95) & (frame.mask > 0.1)
        if hidden.sum() >= REACHES * (frame.mask > 0.1).sum():
            apart = np.abs(frame.after.astype(np.int16) - frame.before).max(-1)
            yield float((apart[hidden] <= LEVELS).mean())


if __name__ == "__main__":
    main()
