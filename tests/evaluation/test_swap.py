"""Figures of a swap, with judges that read a face from the brightness of a picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from reenact.errors import InvalidOption
from reenact.evaluation.clips import Pair, read_frames
from reenact.evaluation.judge_set import JudgeSet
from reenact.evaluation.judges import LandmarkReading
from reenact.evaluation.methods import SwappedFrame
from reenact.evaluation.swap import CLIP, change_inside, changed_outside, evaluate_swap, frontal_selfies
from reenact.media import EncodeOptions, write_clip
from reenact.types import Clip, FloatArray, Picture

DARK = 10  # a picture darker than this has no face


class BrightnessJudges:
    """The face's jaw and blink are the picture's mean, its yaw and open lips and lids that in levels."""

    def landmarks(self, frames: Sequence[Picture]) -> LandmarkReading:
        level = np.array([frame.mean() if frame.mean() > DARK else np.nan for frame in frames])
        points = np.zeros((len(frames), 478, 2), np.float32)
        points[:, [14, 145, 374], 1] = level[:, None]
        points[np.isnan(level)] = np.nan
        return LandmarkReading(points, level / 255, level / 255, np.stack([level, level * 0, level * 0], -1))

    def identity(self, frames: Sequence[Picture], landmarks: FloatArray) -> FloatArray:
        level = np.array([frame.mean() for frame in frames])
        who = np.stack([level < 100, level >= 100], -1).astype(np.float32)  # the dark one and the bright one
        return np.where(np.isnan(landmarks[:, :1, 0]), np.nan, who)


@pytest.fixture
def judges() -> JudgeSet:
    fake = BrightnessJudges()
    return JudgeSet(fake.landmarks, fake.identity, None)  # type: ignore[arg-type]


def write(path: Path, levels: Sequence[int]) -> Path:
    frames = (np.full((32, 32, 3), level, np.uint8) for level in levels)
    write_clip(Clip(frames, Fraction(25)), path, options=EncodeOptions(crf=0))
    return path


def brighter(selfie: Picture, clip: Path) -> Iterator[SwappedFrame]:
    for frame in read_frames(clip):
        yield SwappedFrame(frame, frame + np.uint8(80), np.ones(frame.shape[:2], np.float32))


def lost(selfie: Picture, clip: Path) -> Iterator[SwappedFrame]:
    for frame in read_frames(clip):
        yield SwappedFrame(frame, frame * 0, np.zeros(frame.shape[:2], np.float32))


def test_a_swap_is_compared_with_the_selfie_and_with_the_clip(judges: JudgeSet, tmp_path: Path) -> None:
    pair = Pair(write(tmp_path / "a.mp4", [200]), write(tmp_path / "b.mp4", [40, 60, 80, 60, 40, 50]))
    table = evaluate_swap({"brighter": brighter, "lost": lost}, [pair], judges)
    swapped, clip, gone = (table.rows[name] for name in ("brighter", CLIP, "lost"))
    assert (swapped["identity"], swapped["clip_identity"]) == pytest.approx((1, 0))
    assert (clip["identity"], clip["clip_identity"]) == pytest.approx((0, 1))
    assert [swapped[key] for key in ("lip", "lid", "yaw")] == pytest.approx([1] * 3, abs=0.01)
    assert swapped["jaw"] == swapped["blink"] == pytest.approx(80 / 255, abs=0.01)
    assert swapped["change"] == pytest.approx(1) and swapped["outside"] == swapped["lost"] == 0
    assert clip["jaw"] == 0 and gone["lost"] == 6 and gone["outside"] == 6 * 32 * 32
    assert np.isnan(gone["identity"]) and np.isnan(gone["change"])


def test_a_still_clip_is_no_test_of_following(judges: JudgeSet, tmp_path: Path) -> None:
    pair = Pair(write(tmp_path / "a.mp4", [200]), write(tmp_path / "b.mp4", [60] * 6))
    table = evaluate_swap({"brighter": brighter}, [pair], judges)
    assert all(np.isnan(table.rows["brighter"][key]) for key in ("lip", "lid", "yaw"))
    assert "lips in 0 pairs" in " ".join(table.notes)
    with pytest.raises(InvalidOption, match="pair"):
        evaluate_swap({"brighter": brighter}, [], judges)


def test_pixels_are_counted_on_their_side_of_the_mask() -> None:
    before, mask = np.full((8, 8, 3), 100, np.uint8), np.zeros((8, 8), np.float32)
    mask[:, :4] = 1
    after = before.copy()
    after[0, :, 1] += 1
    frame = SwappedFrame(before, after, mask)
    assert changed_outside(frame) == 4
    moved = before.copy()
    moved[:, :4] += 10
    moved[:, 4:] += 90  # outside: of no matter
    second = SwappedFrame(moved, before + np.uint8(15), mask)
    assert change_inside([SwappedFrame(before, before, mask), second]) == pytest.approx(1.5)


def test_a_selfie_looks_into_the_camera_with_open_eyes(judges: JudgeSet, tmp_path: Path) -> None:
    levels = {"faceless": 0, "frontal": 12, "turned": 60}
    clips = [write(tmp_path / f"{name}.mp4", [level]) for name, level in levels.items()]
    assert [path.stem for path in frontal_selfies(clips, judges)] == ["frontal"]
