"""The measurement itself, small: ``python -m tests.provenance.bars`` is the large one."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .attacks import ATTACKS
from .bars import false_alarms, judge, render, table

TRIED = {name: ATTACKS[name] for name in ("H.264 CRF 23", "webp")}


def test_real_results_are_judged_and_what_is_unmarked_is_not_taken_for_one(
    portrait_file: Path, tmp_path: Path
) -> None:
    made = render([portrait_file], tmp_path, 8)
    assert [path.stem.rpartition("-")[2] for path in made] == ["full", "crop"]
    found = {"full": [judge(made[0], 7, TRIED)]}
    [figures] = found["full"]
    assert [figures[name] for name in TRIED] == [1, 1]
    assert figures["least PSNR"] >= 42
    assert figures["mean SSIM"] >= 0.985
    said = table(found)
    assert said[0] == "|  | all (1) | the whole picture (1) | bar |"
    assert said[2] == "| H.264 CRF 23 | 100% | 100% | 99% |"

    with np.load(made[1]) as kept:
        frames = kept["frames"]
    np.savez(tmp_path / "short.npz", frames=frames[:2], seconds=1)
    assert list(false_alarms([], [tmp_path / "short.npz"], range(1))) == [False]
