"""Cross-identity: one person's face driven by another's, in relative mode. There is no ground truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from reenact.errors import InvalidOption
from reenact.evaluation import metrics
from reenact.evaluation.clips import Pair, read_frames
from reenact.evaluation.judge_set import JudgeSet
from reenact.evaluation.judges import LandmarkReading
from reenact.evaluation.methods import CrossMethod, collect
from reenact.evaluation.options import Options
from reenact.evaluation.reconstruction import Shown
from reenact.evaluation.regions import background_change, flicker
from reenact.evaluation.table import Column, Row, Table, averaged, mean
from reenact.types import Picture

COLUMNS = (
    Column("identity", "identity", 3, more_is_better=True),
    Column("yaw", "yaw corr", 3, more_is_better=True),
    Column("jaw", "jaw corr", 3, more_is_better=True),
    Column("blink", "blink corr", 3, more_is_better=True),
    Column("background", "background", 4),
    Column("flicker", "flicker", 4),
    Column("lost", "lost", 0),
)
# Least standard deviation of a driving curve over the clip; below it the correlation is meaningless.
LEAST_YAW, LEAST_JAW, LEAST_BLINK = 2.0, 0.04, 0.05  # degrees, blendshape, blendshape


def evaluate_cross_identity(
    methods: Mapping[str, CrossMethod],
    pairs: Sequence[Pair],
    judges: JudgeSet,
    options: Options | None = None,
    shown: Shown | None = None,
) -> Table:
    """Evaluate methods on the same pairs.

    Args:
        methods: name -> method; each gets the source and all driving frames and returns as many frames.
        pairs: the source clip, of which the first frame is animated, and the driving clip.
        judges: the judges.
        options: number of driving frames of a clip.
        shown: called once for each pair with its name, the driving frames and each method's frames.

    Raises:
        DrivingUnreadable: a clip cannot be decoded.
        InvalidOption: there is no pair to evaluate, or a method breaks its contract.
    """
    options = options or Options()
    judged: dict[str, dict[str, Row]] = {}
    frame_count = 0
    for pair in pairs:
        source = read_frames(pair.source, 1)[0]
        driving = read_frames(pair.driving, options.frames)
        made = {name: collect(name, method(source, driving), driving) for name, method in methods.items()}
        name = f"{pair.source.stem} by {pair.driving.stem}"
        judged[name] = _judge_pair(made, source, driving, judges)
        frame_count += len(driving)
        if shown:
            shown(name, driving, made)
    if not judged:
        raise InvalidOption("There are no two persons with clips long enough to pair; name another folder.")
    rows = averaged(judged, COLUMNS, totals=frozenset({"lost"}))
    return Table("Cross-identity, relative mode", COLUMNS, rows, judged, _notes(judged, frame_count))


def _judge_pair(
    made: Mapping[str, list[Picture]], source: Picture, driving: list[Picture], judges: JudgeSet
) -> dict[str, Row]:
    """Metrics of every method on one pair."""
    start, drive = judges.landmarks([source]), judges.landmarks(driving)
    who = judges.identity([source], start.landmarks)
    rows: dict[str, Row] = {}
    for name, frames in made.items():
        clip, reading = np.stack(frames), judges.landmarks(frames)
        rows[name] = {
            "identity": mean(metrics.cosine(judges.identity(frames, reading.landmarks), who)),
            **_correlations(reading, drive),
            "background": mean(background_change(clip, source, reading.landmarks, start.landmarks[0])),
            "flicker": mean(flicker(clip, drive.landmarks)),
            "lost": float(reading.frames_without_face),
        }
    return rows


def _correlations(made: LandmarkReading, driving: LandmarkReading) -> Row:
    """Correlation of the three curves with the driving's; NaN where the driving curve hardly varies."""
    return {
        "yaw": metrics.correlation(made.pose[:, 0], driving.pose[:, 0], LEAST_YAW),
        "jaw": metrics.correlation(made.jaw, driving.jaw, LEAST_JAW),
        "blink": metrics.correlation(made.blink, driving.blink, LEAST_BLINK),
    }


def _notes(judged: Mapping[str, Mapping[str, Row]], frame_count: int) -> tuple[str, ...]:
    first = [next(iter(methods.values())) for methods in judged.values()]
    used = {key: sum(np.isfinite(row[key]) for row in first) for key in ("yaw", "jaw", "blink", "flicker")}
    return (
        f"{len(judged)} pairs, {frame_count} frames; mean over pairs.",
        f"Correlations only where the driving varies: yaw in {used['yaw']} pairs, jaw in {used['jaw']}, "
        f"blink in {used['blink']}. Flicker only where the driving is still: {used['flicker']} pairs.",
        "background: L1 to the source outside the head. lost: frames in which no face is found.",
    )
