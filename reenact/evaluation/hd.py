"""Reconstruction above 256 pixels: accuracy of lips and lids, and sharpness of skin and mouth.

One clip of each person is reconstructed from its first frame, which is not scored. Metrics are means over
frames, then over clips. Regions come from the true frame's landmarks, so they are equal in both pictures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from reenact.errors import InvalidOption
from reenact.evaluation import metrics
from reenact.evaluation.clips import person, read_frames
from reenact.evaluation.judge_set import JudgeSet
from reenact.evaluation.judges import LandmarkReading
from reenact.evaluation.methods import Method, collect
from reenact.evaluation.options import Options
from reenact.evaluation.reconstruction import Shown
from reenact.evaluation.table import Column, Row, Table, averaged, mean
from reenact.types import FloatArray, Picture

COLUMNS = (
    Column("blink", "blink err", 3),
    Column("jaw", "jaw err", 3),
    Column("landmarks", "landmarks px", 2),
    Column("skin", "skin sharpness", 3, more_is_better=True),
    Column("mouth_l1", "mouth L1", 4),
    Column("mouth_vgg", "mouth VGG", 3),
    Column("identity", "identity", 3, more_is_better=True),
    Column("lost", "lost", 0),
)
FOREHEAD = (67, 109, 10, 338, 297, 299, 9, 69)
CHEEKS = ((117, 118, 101, 36, 205, 187, 123), (346, 347, 330, 266, 425, 411, 352))
MOUTH_CORNERS = (61, 291)
MOUTH_SQUARE, MOUTH_SIDE = 1.6, 128  # in mouth widths; in pixels after resizing
LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def one_clip_per_person(clips: Sequence[Path]) -> list[Path]:
    """The first clip of each person, by file name."""
    first: dict[str, Path] = {}
    for path in sorted(clips):
        first.setdefault(person(path), path)
    return list(first.values())


def evaluate_hd(
    methods: Mapping[str, Method],
    clips: Sequence[Path],
    judges: JudgeSet,
    options: Options | None = None,
    shown: Shown | None = None,
) -> Table:
    """Evaluate methods on the same clips, at their original size.

    Args:
        methods: name -> method; each gets every frame of a clip and returns as many of the same size.
        clips: square clips of people that no method was trained on; clips of one frame are skipped.
        judges: the judges.
        options: number of frames of a clip, and of frames with a VGG distance.
        shown: called once for each clip, after its evaluation.

    Raises:
        DrivingUnreadable: a clip cannot be decoded.
        InvalidOption: there is no clip to evaluate, or a method breaks its contract.
    """
    options = options or Options()
    judged: dict[str, dict[str, Row]] = {}
    frame_count, side = 0, 0
    for path in clips:
        frames = read_frames(path, options.frames)
        if len(frames) < 2:
            continue
        made = {name: collect(name, method(frames), frames) for name, method in methods.items()}
        truth = judges.landmarks(frames[1:])
        judged[path.stem] = {
            name: _judge(all_frames[1:], frames[1:], truth, judges, options)
            for name, all_frames in made.items()
        }
        frame_count, side = frame_count + len(frames) - 1, len(frames[0])
        if shown:
            shown(path.stem, frames, made)
    if not judged:
        raise InvalidOption("There is no clip of two frames or more to judge; name a folder with clips.")
    rows = averaged(judged, COLUMNS, totals=frozenset({"lost"}))
    notes = (
        f"{len(judged)} clips, {frame_count} frames; mean over frames, then over clips; without the source.",
        "Skin sharpness: energy of the gradient of luma on forehead and cheeks, over the true frame's.",
        f"Mouth: a square of {MOUTH_SQUARE} mouth widths, resized to {MOUTH_SIDE} pixels; VGG on at most "
        f"{options.vgg_frames} frames a clip. Identity: cosine to the same driving frame.",
    )
    return Table(f"Reconstruction from the first frame at {side} pixels", COLUMNS, rows, judged, notes)


def _judge(
    made: list[Picture], true: list[Picture], truth: LandmarkReading, judges: JudgeSet, options: Options
) -> Row:
    """Metrics of one method on one clip."""
    pixels = len(true[0]) / 256  # size of a landmark pixel (px at 256)
    reading, places = judges.landmarks(made), truth.landmarks * pixels
    who = judges.identity(true, truth.landmarks)
    mouths = [_mouths(*each) for each in zip(made, true, places, strict=True)]
    judged = np.unique(np.linspace(0, len(made) - 1, min(options.vgg_frames, len(made))).round().astype(int))
    return {
        "blink": mean(np.abs(reading.blink - truth.blink)),
        "jaw": mean(np.abs(reading.jaw - truth.jaw)),
        "landmarks": mean(metrics.landmark_distance(reading.landmarks * pixels, places)),
        "skin": mean([_sharpness(*each) for each in zip(made, true, places, strict=True)]),
        "mouth_l1": mean([mean(metrics.l1(*(mouth[None] for mouth in pair))) for pair in mouths if pair]),
        "mouth_vgg": mean([judges.vgg(*pair) for index in judged if (pair := mouths[index])]),
        "identity": mean(metrics.cosine(judges.identity(made, reading.landmarks), who)),
        "lost": float(np.sum(np.isnan(reading.jaw) & ~np.isnan(truth.jaw))),
    }


def _mouths(made: Picture, true: Picture, landmarks: FloatArray) -> tuple[Picture, Picture] | None:
    """The square around the mouth in both pictures (128, 128, 3); None where the true one has no face."""
    if not np.isfinite(landmarks).all():
        return None
    ends = landmarks[list(MOUTH_CORNERS)]
    reach = MOUTH_SQUARE / 2 * np.linalg.norm(ends[1] - ends[0])
    corners = np.clip([ends.mean(0) - reach, ends.mean(0) + reach], 0, len(true))
    left, top, right, bottom = map(float, corners.ravel())

    def square(picture: Picture) -> Picture:
        image, box = Image.fromarray(picture), (left, top, right, bottom)
        return np.asarray(image.resize((MOUTH_SIDE, MOUTH_SIDE), Image.Resampling.BICUBIC, box=box))

    return square(made), square(true)


def _sharpness(made: Picture, true: Picture, landmarks: FloatArray) -> float:
    """Gradient energy of the skin divided by the true frame's; NaN where the true one has no face."""
    if not np.isfinite(landmarks).all():
        return float("nan")
    skin = _skin(landmarks, true.shape[:2])
    return _energy(made, skin) / max(_energy(true, skin), 1e-6)


def _skin(landmarks: FloatArray, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Mask of forehead and cheeks (H, W); ``landmarks`` (478, 2) px."""
    canvas = Image.new("1", (size[1], size[0]))
    for outline in (FOREHEAD, *CHEEKS):
        corners = [(float(x) - 0.5, float(y) - 0.5) for x, y in landmarks[list(outline)]]
        ImageDraw.Draw(canvas).polygon(corners, fill=1)
    return np.asarray(canvas, dtype=bool)


def _energy(picture: Picture, where: NDArray[np.bool_]) -> float:
    """Mean squared gradient of luma, by central differences."""
    down, across = np.gradient(picture.astype(np.float32) @ LUMA)
    return mean((down**2 + across**2)[where])
