from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from reenact.errors import DrivingUnreadable
from reenact.evaluation.clips import Pair, frame_count, pair_up, person, read_frames, sample_clips
from reenact.media.encode import write_clip
from reenact.types import Clip

CLIPS = [Path(f"talk-{who}-{number:04}.mp4") for number, who in enumerate(["a"] * 5 + ["b"] * 2 + ["c"])]


def test_frames_come_back_in_number_order_and_size(tmp_path: Path) -> None:
    frames = [np.full((64, 64, 3), 40 * t, np.uint8) for t in range(6)]
    path = tmp_path / "clip.mp4"
    write_clip(Clip(iter(frames), Fraction(25, 2)), path)
    read = read_frames(path)
    assert [frame.shape for frame in read] == [(64, 64, 3)] * 6
    assert [int(frame.mean()) for frame in read] == pytest.approx([0, 40, 80, 120, 160, 200], abs=4)
    assert len(read_frames(path, 2)) == 2
    assert frame_count(path) == 6


@pytest.mark.parametrize("content", [b"", b"not a clip at all", None])
def test_what_is_no_clip_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "bad.mp4"
    if content is not None:
        path.write_bytes(content)
    for read in (read_frames, frame_count):
        with pytest.raises(DrivingUnreadable, match=r"bad\.mp4"):
            read(path)


def test_a_picture_without_video_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "words.srt"
    path.write_text("1\n00:00:00,000 --> 00:00:01,000\nhello\n")
    with pytest.raises(DrivingUnreadable):
        read_frames(path)


def test_person_is_the_middle_of_the_name() -> None:
    assert person(Path("faces/val/talk-0411-0092.mp4")) == "0411"
    assert person(Path("holiday.mp4")) == "holiday"


def test_a_limit_spreads_over_persons_first() -> None:
    assert {person(path) for path in sample_clips(CLIPS, 3)} == {"a", "b", "c"}
    assert sorted(person(path) for path in sample_clips(CLIPS, 5)) == ["a", "a", "b", "b", "c"]
    assert sorted(sample_clips(CLIPS)) == CLIPS


def test_the_choice_depends_on_the_seed_alone() -> None:
    assert sample_clips(CLIPS, 4, seed=3) == sample_clips(CLIPS[::-1], 4, seed=3)
    assert sample_clips(CLIPS, 4)[:3] == sample_clips(CLIPS, 3)
    assert len({tuple(sample_clips(CLIPS, 3, seed)) for seed in range(20)}) > 1


def test_nobody_drives_himself_and_sources_rotate() -> None:
    pairs = pair_up(CLIPS, CLIPS)
    assert [pair.driving for pair in pairs] == CLIPS
    assert all(person(pair.source) != person(pair.driving) for pair in pairs)
    assert {person(pair.source) for pair in pairs} == {"a", "b", "c"}
    assert pairs == pair_up(CLIPS[::-1], CLIPS)


def test_one_person_alone_has_no_pairs() -> None:
    assert pair_up(CLIPS[:5], CLIPS[:5]) == []
    assert pair_up(CLIPS, CLIPS[7:])[0] != Pair(CLIPS[7], CLIPS[7])
