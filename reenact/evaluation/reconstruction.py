"""Reconstruction: a clip is rebuilt from its first frame and compared with the original frame by frame.

Frame 0 is the source and is not scored. Every metric is the mean over a clip's frames, then over clips, so a
long clip weighs no more than a short one. PSNR is the mean of the frames' PSNR, not that of the mean error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from reenact.errors import InvalidOption
from reenact.evaluation import metrics
from reenact.evaluation.clips import read_frames
from reenact.evaluation.judge_set import JudgeSet
from reenact.evaluation.judges import LandmarkReading
from reenact.evaluation.methods import Method, collect
from reenact.evaluation.options import Options
from reenact.evaluation.table import Column, Row, Table, averaged, mean
from reenact.types import Picture

COLUMNS = (
    Column("l1", "L1", 4),
    Column("psnr", "PSNR", 2, more_is_better=True),
    Column("ssim", "SSIM", 3, more_is_better=True),
    Column("vgg", "VGG", 3),
    Column("akd", "AKD px", 2),
    Column("blink", "blink err", 3),
    Column("jaw", "jaw err", 3),
    Column("identity", "identity", 3, more_is_better=True),
    Column("lost", "lost", 0),
)

Shown = Callable[[str, list[Picture], dict[str, list[Picture]]], None]
"""Called with a clip's name, its frames and each method's frames, to write pictures and videos."""


def evaluate_reconstruction(
    methods: Mapping[str, Method],
    clips: Sequence[Path],
    judges: JudgeSet,
    options: Options | None = None,
    shown: Shown | None = None,
) -> Table:
    """Evaluate methods on the same clips.

    Args:
        methods: name -> method; each gets every frame of a clip and returns as many.
        clips: 256x256 clips of people that no method was trained on; clips of one frame are skipped.
        judges: the judges.
        options: number of frames of a clip, and of frames with a VGG distance.
        shown: called once for each clip, after its evaluation.

    Raises:
        DrivingUnreadable: a clip cannot be decoded.
        InvalidOption: there is no clip to evaluate, or a method breaks its contract.
    """
    options = options or Options()
    judged: dict[str, dict[str, Row]] = {}
    frame_count = unjudged = 0
    for path in clips:
        frames = read_frames(path, options.frames)
        if len(frames) < 2:
            continue
        made = {name: collect(name, method(frames), frames) for name, method in methods.items()}
        truth = judges.landmarks(frames[1:])
        judged[path.stem] = _judge_clip(made, frames, truth, judges, options.vgg_frames)
        frame_count += len(frames) - 1
        unjudged += truth.frames_without_face
        if shown:
            shown(path.stem, frames, made)
    if not judged:
        raise InvalidOption("There is no clip of two frames or more to judge; name a folder with clips.")
    notes = (
        f"{len(judged)} clips, {frame_count} frames; mean over frames, then over clips; without the source.",
        f"VGG on at most {options.vgg_frames} frames a clip. Identity: cosine to the same driving frame.",
        f"lost: frames whose face is not found again ({unjudged} driving frames have none to find).",
    )
    rows = averaged(judged, COLUMNS, totals=frozenset({"lost"}))
    return Table("Reconstruction from the first frame", COLUMNS, rows, judged, notes)


def _judge_clip(
    made: Mapping[str, list[Picture]],
    frames: list[Picture],
    truth: LandmarkReading,
    judges: JudgeSet,
    vgg_frames: int,
) -> dict[str, Row]:
    """Metrics of every method on one clip; ``truth`` is the reading of ``frames[1:]``."""
    true = np.stack(frames[1:])
    who = judges.identity(frames[1:], truth.landmarks)
    vgg = _vgg_means(made, frames, judges, vgg_frames)
    rows: dict[str, Row] = {}
    for name, all_frames in made.items():
        clip, reading = np.stack(all_frames[1:]), judges.landmarks(all_frames[1:])
        rows[name] = {
            "l1": mean(metrics.l1(clip, true)),
            "psnr": mean(metrics.psnr(clip, true)),
            "ssim": mean(metrics.ssim(clip, true)),
            "vgg": vgg[name],
            "akd": mean(metrics.landmark_distance(reading.landmarks, truth.landmarks)),
            "blink": mean(np.abs(reading.blink - truth.blink)),
            "jaw": mean(np.abs(reading.jaw - truth.jaw)),
            "identity": mean(metrics.cosine(judges.identity(all_frames[1:], reading.landmarks), who)),
            "lost": float(np.sum(np.isnan(reading.jaw) & ~np.isnan(truth.jaw))),
        }
    return rows


def _vgg_means(
    made: Mapping[str, list[Picture]], frames: list[Picture], judges: JudgeSet, count: int
) -> dict[str, float]:
    """Mean VGG distance of each method over ``count`` evenly spread frames without frame 0.

    The outer loop is over frames, so that the judge's small cache serves all methods.
    """
    places = np.unique(np.linspace(1, len(frames) - 1, min(count, len(frames) - 1)).round().astype(int))
    distances: dict[str, list[float]] = {name: [] for name in made}
    for place in places:
        for name in made:
            distances[name].append(judges.vgg(made[name][place], frames[place]))
    return {name: mean(values) for name, values in distances.items()}
