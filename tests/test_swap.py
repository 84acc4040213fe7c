"""A face put into a clip, with the real engine on clips that ship."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reenact.driver import FaceTrackDriver
from reenact.engine import Engine
from reenact.errors import FaceTooSmall, InvalidOption, NoFaceFound
from reenact.face.align import align, choose
from reenact.face.find import FaceFinder
from reenact.footage import Footage, nearest_visible, open_footage, visibility
from reenact.footage_file import load_footage, save_footage
from reenact.gallery import get_portrait, get_template
from reenact.media import EncodeOptions, Span, open_clip, read_picture, write_clip
from reenact.motion.swap_pose import similarity, swap_poses
from reenact.options import SwapOptions
from reenact.overlay import Overlay
from reenact.pipeline import swap
from reenact.scene import ClipScene, Layer
from reenact.subject import open_subject
from reenact.types import Clip, Picture

BRIEF = SwapOptions(size=256, span=Span(0, 0.3), encode=EncodeOptions(crf=4, preset="ultrafast"))


@pytest.fixture(scope="module")
def selfie() -> Path:
    return get_portrait("thomas-jefferson").path


@pytest.fixture(scope="module")
def footage(engine: Engine) -> Footage:
    clip = get_template("astronaut").driving
    assert clip
    return open_footage(engine, clip, span=Span(0.2, 0.6))


def composed(engine: Engine, footage: Footage, selfie: Path) -> list[Picture]:
    """The frames before label, mark and encoding."""
    picture = read_picture(selfie)
    face = choose(engine.finder.find(picture))
    (track,) = footage.tracks
    layer = Layer(open_subject(engine, picture, face, align(face), 256), FaceTrackDriver(track, footage.fps))
    return list(ClipScene(footage, [Overlay(engine, footage, track)]).frames([layer]))


def test_only_the_face_changes(engine: Engine, footage: Footage, selfie: Path) -> None:
    before, after = list(footage.open().frames), composed(engine, footage, selfie)
    assert len(after) == len(before) == len(footage) == 10
    (track,) = footage.tracks
    for index, (old, new) in enumerate(zip(before, after, strict=True)):
        changed = (old != new).any(-1)
        points = track.square(index).to_pixels(track.landmarks[index])
        (left, top), (right, bottom) = points.min(0) - 2, points.max(0) + 2
        rows, columns = np.nonzero(changed)
        assert changed.mean() > 0.02
        assert left < columns.min() and columns.max() < right and top < rows.min() and rows.max() < bottom


def test_a_swap_has_the_clips_size_rate_and_frames(engine: Engine, selfie: Path, tmp_path: Path) -> None:
    clip = get_template("queen").driving
    assert clip
    result = swap(engine, selfie, clip, tmp_path / "out.mp4", BRIEF).written
    was = open_clip(clip)
    height, width, _ = next(was.frames).shape
    assert (result.width, result.height, result.fps, result.frames) == (width, height, was.fps, 8)


def test_a_stored_template_is_not_tracked_again(
    engine: Engine, selfie: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the clip is tracked again")

    monkeypatch.setattr(FaceFinder, "follow", refuse)
    result = swap(engine, selfie, get_template("astronaut"), tmp_path / "out.webp", BRIEF)
    assert result.written.frames == 8


def test_a_part_of_stored_footage_is_that_of_the_clip(engine: Engine, footage: Footage) -> None:
    template = get_template("astronaut")
    assert template.faces and template.driving
    part = load_footage(template.faces, template.driving, engine.model).trimmed(footage.span)
    assert len(part) == len(footage) and part.audio_start == footage.audio_start == Fraction(1, 5)
    np.testing.assert_allclose(part.tracks[0].squares[:, :3], footage.tracks[0].squares[:, :3], atol=3)


def test_footage_comes_back_as_it_was_saved(footage: Footage, tmp_path: Path) -> None:
    save_footage(footage, tmp_path / "faces.npz")
    again = load_footage(tmp_path / "faces.npz", footage.path, footage.model)
    (old,), (new,) = footage.tracks, again.tracks
    assert (again.fps, again.size, again.model) == (footage.fps, footage.size, footage.model)
    for name in ("squares", "visibility", "shots"):
        np.testing.assert_array_equal(getattr(old, name), getattr(new, name))
    np.testing.assert_array_equal(old.keypoints.points, new.keypoints.points)
    np.testing.assert_allclose(old.landmarks, new.landmarks, atol=1e-3)
    assert old.clean.keys() == new.clean.keys()


def test_a_movement_without_a_clip_takes_no_face(engine: Engine, selfie: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidOption):
        swap(engine, selfie, get_template("nod"), tmp_path / "out.mp4", BRIEF)
    assert not list(tmp_path.iterdir())


def test_what_cannot_work_says_so(engine: Engine, selfie: Path, tmp_path: Path) -> None:
    template = get_template("astronaut")
    assert template.driving
    frames = [next(open_clip(template.driving).frames)] * 3
    small = [np.asarray(Image.fromarray(frame).reduce(7)) for frame in frames]
    for pictures, error in (([np.full_like(small[0], 90)] * 3, NoFaceFound), (small, FaceTooSmall)):
        clip = tmp_path / f"{error.__name__}.mp4"
        write_clip(Clip(iter(pictures), Fraction(25)), clip)
        with pytest.raises(error) as raised:
            swap(engine, selfie, clip, tmp_path / "out.mp4", replace(BRIEF, span=Span()))
        assert "clip" in str(raised.value)


def test_a_lost_face_fades_to_the_clips_own_but_not_at_cuts() -> None:
    seen = np.array([1] * 8 + [0] * 2 + [1] * 10, bool)
    shots = np.array([0] * 10 + [1] * 10)
    shown = visibility(seen, shots, Fraction(25))
    assert shown[0] == 1 and (shown[8:10] == 0).all() and (shown[10:] == 1).all()
    assert (np.diff(shown[4:9]) < 0).all()
    assert nearest_visible(seen)[9] == 10


def test_a_pose_of_ones_own_proportions_stays_where_the_clips_is(engine: Engine, footage: Footage) -> None:
    (track,) = footage.tracks
    own = track.keypoints[0]
    same = swap_poses(own, track.keypoints)
    np.testing.assert_allclose(same.landmarks, track.keypoints.landmarks, atol=0.02)
    larger = replace(own, landmarks=own.landmarks * np.float32(1.3), points=own.points * np.float32(1.3))
    np.testing.assert_allclose(swap_poses(larger, track.keypoints).landmarks, same.landmarks, atol=0.02)


def test_a_similarity_is_found_again() -> None:
    points = np.random.default_rng(0).normal(size=(9, 2)).astype(np.float32)
    cos, sin = np.cos(0.4), np.sin(0.4)
    turn = np.array([[cos, -sin], [sin, cos]])
    moved = (1.7 * points @ turn.T + [3, -2]).astype(np.float32)
    scale, rotation, shift = similarity(points, moved[None])
    np.testing.assert_allclose(scale, [1.7], rtol=1e-5)
    np.testing.assert_allclose(rotation[0], turn, atol=1e-5)
    np.testing.assert_allclose(shift[0], [3, -2], atol=1e-5)
