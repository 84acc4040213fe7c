"""How both halves average, with judges that read a face from the brightness of a picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from reenact.errors import InvalidOption
from reenact.evaluation.clips import Pair
from reenact.evaluation.cross_identity import evaluate_cross_identity
from reenact.evaluation.hd import evaluate_hd, one_clip_per_person
from reenact.evaluation.judge_set import JudgeSet
from reenact.evaluation.judges import LandmarkReading
from reenact.evaluation.options import Options
from reenact.evaluation.reconstruction import evaluate_reconstruction
from reenact.media import EncodeOptions
from reenact.media.encode import write_clip
from reenact.types import Clip, FloatArray, Picture

pytest.importorskip("scipy", reason="optional part missing: scipy")

DARK = 10  # a picture darker than this has no face


class BrightnessJudges:
    """A face of 20 px that sits at (32, 32) and whose jaw, blink and yaw are the picture's mean."""

    def landmarks(self, frames: Sequence[Picture]) -> LandmarkReading:
        level = np.array([frame.mean() if frame.mean() > DARK else np.nan for frame in frames])
        face = np.random.default_rng(0).uniform(22, 42, (478, 2)).astype(np.float32)
        points = np.stack([face if value == value else face * np.nan for value in level])
        return LandmarkReading(points, level / 255, level / 255, np.stack([level] * 3, -1))

    def identity(self, frames: Sequence[Picture], landmarks: FloatArray) -> FloatArray:
        return np.where(np.isnan(landmarks[:, :1, 0]), np.nan, np.ones((len(frames), 4), np.float32))

    def vgg(self, made: Picture, true: Picture) -> float:
        return float(abs(made.astype(int) - true).mean())


@pytest.fixture
def panel() -> JudgeSet:
    judges = BrightnessJudges()
    return JudgeSet(judges.landmarks, judges.identity, judges.vgg)  # type: ignore[arg-type]


@pytest.fixture
def clip(tmp_path: Path) -> Callable[[str, Sequence[int]], Path]:
    """Writes a clip of uniform frames of the given brightness."""

    def write(name: str, levels: Sequence[int]) -> Path:
        frames = (np.full((64, 64, 3), level, np.uint8) for level in levels)
        write_clip(Clip(frames, Fraction(25, 2)), tmp_path / f"{name}.mp4")
        return tmp_path / f"{name}.mp4"

    return write


def still(frames: list[Picture]) -> list[Picture]:
    return [frames[0]] * len(frames)


def dark(frames: list[Picture]) -> list[Picture]:
    return [np.zeros_like(frame) for frame in frames]


def test_the_source_frame_counts_in_no_mean(
    panel: JudgeSet, clip: Callable[[str, Sequence[int]], Path]
) -> None:
    table = evaluate_reconstruction({"still": still}, [clip("a", [60, 111, 111])], panel)
    row = table.rows["still"]
    assert row["l1"] == pytest.approx(0.2, abs=0.01)
    assert row["jaw"] == row["blink"] == pytest.approx(0.2, abs=0.01)
    assert row["vgg"] == pytest.approx(51, abs=2)
    assert row["akd"] == 0 and row["identity"] == pytest.approx(1) and row["lost"] == 0


def test_a_long_clip_weighs_as_much_as_a_short_one(
    panel: JudgeSet, clip: Callable[[str, Sequence[int]], Path]
) -> None:
    clips = [clip("short", [60, 162]), clip("long", [60] * 9)]
    table = evaluate_reconstruction({"still": still}, clips, panel)
    assert table.rows["still"]["l1"] == pytest.approx(0.2, abs=0.01)
    assert table.clips["short"]["still"]["l1"] == pytest.approx(0.4, abs=0.01)


def test_lost_faces_are_counted_and_left_out(
    panel: JudgeSet, clip: Callable[[str, Sequence[int]], Path]
) -> None:
    table = evaluate_reconstruction({"dark": dark, "still": still}, [clip("a", [60, 60, 60, 0])], panel)
    assert table.rows["dark"]["lost"] == 2  # the fourth frame has no face to find
    assert np.isnan(table.rows["dark"]["akd"]) and table.rows["dark"]["l1"] > 0
    assert table.rows["still"]["akd"] == 0


def test_clips_are_shown_and_cut_to_length(
    panel: JudgeSet, clip: Callable[[str, Sequence[int]], Path]
) -> None:
    seen: dict[str, int] = {}
    clips = [clip("a", [60] * 5), clip("single", [60])]
    evaluate_reconstruction(
        {"still": still},
        clips,
        panel,
        Options(frames=3),
        lambda name, frames, made: seen.update({name: len(frames), "made": len(made["still"])}),
    )
    assert seen == {"a": 3, "made": 3}


def test_nothing_to_judge_is_an_error(panel: JudgeSet, clip: Callable[[str, Sequence[int]], Path]) -> None:
    with pytest.raises(InvalidOption, match="no clip"):
        evaluate_reconstruction({"still": still}, [clip("single", [60])], panel)
    with pytest.raises(InvalidOption, match="pair"):
        evaluate_cross_identity({}, [], panel)


def test_large_clips_are_judged_in_their_own_pixels(
    panel: JudgeSet, clip: Callable[[str, Sequence[int]], Path]
) -> None:
    table = evaluate_hd({"still": still, "dark": dark}, [clip("a", [60, 111, 111])], panel)
    row = table.rows["still"]
    assert [row[key] for key in ("blink", "jaw", "mouth_l1")] == pytest.approx([0.2] * 3, abs=0.01)
    assert row["mouth_vgg"] == pytest.approx(51, abs=2)
    assert row["landmarks"] == 0 and row["identity"] == pytest.approx(1) and row["lost"] == 0
    assert table.rows["dark"]["lost"] == 2 and np.isnan(table.rows["dark"]["landmarks"])
    with pytest.raises(InvalidOption):
        evaluate_hd({"still": still}, [clip("single", [60])], panel)


def test_skin_sharpness_is_the_gradient_energy_of_the_true_frame(
    panel: JudgeSet, tmp_path: Path, rng: np.random.Generator
) -> None:
    grain = (rng.normal(0, 40, (64, 64, 3)) + 128).clip(0, 255).astype(np.uint8)
    options = EncodeOptions(crf=0)
    write_clip(Clip(iter([grain] * 2), Fraction(25)), tmp_path / "a.mp4", options=options)
    methods = {"same": lambda frames: frames, "flat": lambda frames: [frame // 2 + 64 for frame in frames]}
    rows = evaluate_hd(methods, [tmp_path / "a.mp4"], panel).rows
    assert rows["same"]["skin"] == 1
    assert rows["flat"]["skin"] == pytest.approx(0.25, abs=0.02)


def test_one_large_clip_of_each_person_is_judged() -> None:
    names = ("hd-0002-01", "hd-0001-02", "hd-0001-01")
    assert [path.name for path in one_clip_per_person([Path(name) for name in names])] == [
        "hd-0001-01",
        "hd-0002-01",
    ]


def test_curves_are_compared_with_the_driving(
    panel: JudgeSet, clip: Callable[[str, Sequence[int]], Path]
) -> None:
    pair = Pair(clip("source", [100]), clip("driving", [60, 90, 120, 90, 60, 150]))
    methods = {
        "follows": lambda source, driving: [frame // 2 + 40 for frame in driving],
        "opposes": lambda source, driving: [255 - frame for frame in driving],
        "still": lambda source, driving: [source] * len(driving),
    }
    rows = evaluate_cross_identity(methods, [pair], panel).rows
    for name, expected in {"follows": 1, "opposes": -1, "still": 0}.items():
        assert [rows[name][key] for key in ("yaw", "jaw", "blink")] == pytest.approx([expected] * 3, abs=0.01)
    assert rows["still"]["background"] == rows["still"]["flicker"] == 0
    assert rows["opposes"]["flicker"] == pytest.approx((30 * 4 + 90) / 5 / 255, abs=0.01)


def test_a_still_driving_is_no_test_of_following(
    panel: JudgeSet, clip: Callable[[str, Sequence[int]], Path]
) -> None:
    pair = Pair(clip("source", [100]), clip("driving", [80] * 8))
    table = evaluate_cross_identity({"copy": lambda source, driving: driving}, [pair], panel)
    assert np.isnan(table.rows["copy"]["yaw"])
    assert "yaw in 0 pairs" in " ".join(table.notes)
    assert table.rows["copy"]["background"] == pytest.approx(20 / 255, abs=0.01)
