"""Swap: a person's face put into the clip of another. There is no ground truth.

The first row is the clip itself, as the reference for identity and correlations.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reenact.errors import InvalidOption
from reenact.evaluation import metrics
from reenact.evaluation.clips import Pair, read_frames
from reenact.evaluation.cross_identity import LEAST_BLINK, LEAST_JAW, LEAST_YAW
from reenact.evaluation.judge_set import JudgeSet
from reenact.evaluation.judges import LandmarkReading
from reenact.evaluation.methods import SwapMethod, SwappedFrame
from reenact.evaluation.reconstruction import Shown
from reenact.evaluation.table import Column, Row, Table, averaged, mean
from reenact.types import FloatArray

COLUMNS = (
    Column("identity", "to selfie", 3, more_is_better=True),
    Column("clip_identity", "to clip's person", 3),
    Column("lip", "lip corr", 3, more_is_better=True),
    Column("lid", "lid corr", 3, more_is_better=True),
    Column("yaw", "yaw corr", 3, more_is_better=True),
    Column("blink", "blink err", 3),
    Column("jaw", "jaw err", 3),
    Column("change", "change", 2),
    Column("outside", "outside px", 0),
    Column("lost", "lost", 0),
)
CLIP = "clip itself"
LIPS, RIGHT_LIDS, LEFT_LIDS = (13, 14), (159, 145), (386, 374)  # of the mesh, upper and lower


def evaluate_swap(
    methods: Mapping[str, SwapMethod], pairs: Sequence[Pair], judges: JudgeSet, shown: Shown | None = None
) -> Table:
    """Evaluate methods on the same pairs, on whole clips at their original size.

    Args:
        methods: name -> method; see ``SwapMethod``.
        pairs: the first frame of ``source`` is the selfie, ``driving`` the clip that gets its face.
        judges: the judges.
        shown: called once for each pair with its name, the clip's frames and each method's frames. The
            first of the methods is the selfie, repeated.

    Raises:
        DrivingUnreadable: a clip cannot be decoded.
        InvalidOption: there is no pair to evaluate.
    """
    judged: dict[str, dict[str, Row]] = {}
    frame_count, side = 0, 0
    for pair in pairs:
        selfie = read_frames(pair.source, 1)[0]
        made = {name: list(method(selfie, pair.driving)) for name, method in methods.items()}
        clip = [frame.before for frame in next(iter(made.values()))]
        itself = [SwappedFrame(frame, frame, np.ones(frame.shape[:2], np.float32)) for frame in clip]
        name = f"{pair.source.stem} in {pair.driving.stem}"
        start = judges.landmarks([selfie])
        who = judges.identity([selfie], start.landmarks)
        judged[name] = {each: judge(frames, who, judges) for each, frames in {CLIP: itself, **made}.items()}
        frame_count, side = frame_count + len(clip), len(clip[0])
        if shown:
            results = {each: [frame.after for frame in frames] for each, frames in made.items()}
            shown(name, clip, {"selfie": [selfie] * len(clip), **results})
    if not judged:
        raise InvalidOption("There are no two persons to pair; name another folder.")
    rows = averaged(judged, COLUMNS, totals=frozenset({"outside", "lost"}))
    return Table(f"Swap at {side} pixels", COLUMNS, rows, judged, _notes(judged, frame_count))


def judge(frames: Iterable[SwappedFrame], who: FloatArray, judges: JudgeSet) -> Row:
    """Metrics of one method on one clip; ``who`` (1, D) is the identity vector of the selfie."""
    frames = list(frames)
    made, clip = judges.landmarks([f.after for f in frames]), judges.landmarks([f.before for f in frames])
    identity = judges.identity([f.after for f in frames], made.landmarks)
    own = judges.identity([f.before for f in frames], clip.landmarks)
    seen = np.isfinite(own).all(1)
    person = own[seen].mean(0, keepdims=True) if seen.any() else own[:1]
    return {
        "identity": mean(metrics.cosine(identity, who)),
        "clip_identity": mean(metrics.cosine(identity, person)),
        **_correlations(made, clip),
        "blink": mean(np.abs(made.blink - clip.blink)),
        "jaw": mean(np.abs(made.jaw - clip.jaw)),
        "change": change_inside(frames),
        "outside": float(sum(changed_outside(frame) for frame in frames)),
        "lost": float(np.sum(np.isnan(made.jaw) & ~np.isnan(clip.jaw))),
    }


def changed_outside(frame: SwappedFrame) -> int:
    """Number of pixels that differ from the clip where the mask is 0."""
    differs = (frame.before != frame.after).any(-1)
    return int((differs & (frame.mask == 0)).sum())


def change_inside(frames: Sequence[SwappedFrame]) -> float:
    """Mean frame-to-frame change where the face is replaced, divided by the clip's in the same pixels.

    NaN where no two consecutive frames show the new face.
    """
    changes = np.zeros(2)
    for first, second in itertools.pairwise(frames):
        inside = np.minimum(first.mask, second.mask) > 0.5
        changes += _change(first.after, second.after, inside), _change(first.before, second.before, inside)
    return float(changes[0] / changes[1]) if changes[1] else float("nan")


def _change(first: NDArray[np.uint8], second: NDArray[np.uint8], inside: NDArray[np.bool_]) -> float:
    return float(np.abs(second[inside].astype(np.int16) - first[inside]).sum())


def _correlations(made: LandmarkReading, clip: LandmarkReading) -> Row:
    """Correlation of three curves with the clip's; NaN where the clip's curve hardly varies."""

    def follows(varies: bool, *lines: tuple[int, int]) -> float:
        return metrics.correlation(_gap(made, *lines), _gap(clip, *lines), 0.0) if varies else float("nan")

    return {
        "lip": follows(bool(np.nanstd(clip.jaw) >= LEAST_JAW), LIPS),
        "lid": follows(bool(np.nanstd(clip.blink) >= LEAST_BLINK), RIGHT_LIDS, LEFT_LIDS),
        "yaw": metrics.correlation(made.pose[:, 0], clip.pose[:, 0], LEAST_YAW),
    }


def _gap(reading: LandmarkReading, *lines: tuple[int, int]) -> metrics.Figures:
    """Sum of the distances between pairs of landmarks, (T,) px at 256."""
    points = reading.landmarks.astype(np.float64)
    lengths = [np.linalg.norm(points[:, first] - points[:, second], axis=-1) for first, second in lines]
    return np.asarray(np.sum(lengths, 0))


def _notes(judged: Mapping[str, Mapping[str, Row]], frame_count: int) -> tuple[str, ...]:
    used = {
        key: sum(np.isfinite(rows[CLIP][key]) for rows in judged.values()) for key in ("lip", "lid", "yaw")
    }
    return (
        f"{len(judged)} pairs, {frame_count} frames; mean over pairs.",
        f"Correlations with the clip's curve only where that varies: lips in {used['lip']} pairs, lids in "
        f"{used['lid']}, yaw in {used['yaw']}. Blink and jaw: distance to the clip's.",
        "change: from frame to frame inside the mask, over the clip's own. outside px: changed "
        "pixels beyond it. lost: frames in which no face is found.",
    )


def frontal_selfies(clips: Sequence[Path], judges: JudgeSet) -> list[Path]:
    """The clips whose first frame is usable as a selfie: a frontal face with open eyes."""
    return [path for path in clips if _is_frontal(judges.landmarks(read_frames(path, 1)))]


def _is_frontal(reading: LandmarkReading) -> bool:
    """Whether yaw is below 15 degrees, pitch below 20 degrees, and the eyes are mostly open."""
    yaw, pitch, _ = np.abs(reading.pose[0])
    return bool(yaw < 15 and pitch < 20 and reading.blink[0] < 0.4)  # false where NaN
