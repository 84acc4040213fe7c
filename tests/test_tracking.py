"""The motion of clips as people send them: fades, flashes, covered faces, cuts, tilts."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reenact.engine import Engine
from reenact.errors import NoFaceFound
from reenact.face.align import align, choose, extract_crop
from reenact.gallery.portraits import get_portrait
from reenact.landmarks import MESH_INDICES
from reenact.media import EncodeOptions, read_picture, write_clip
from reenact.motion.tilt import MAX_TILT
from reenact.tracking import track
from reenact.types import Clip, Crop, FloatArray, Keypoints, Motion, Picture

FPS = Fraction(25)
SIDE = 300
STEPS = 16


def swaying(engine: Engine, id: str = "eileen-collins") -> list[Picture]:
    """Frames in which a portrait moves to the right and back, a little."""
    portrait = read_picture(get_portrait(id).path)
    crop = align(choose(engine.finder.find(portrait)))
    side, frames = crop.side * 1.2, []
    for shift in 0.06 * np.sin(np.linspace(0, np.pi, STEPS)):
        square = Crop(crop.left - (0.1 + shift) * crop.side, crop.top - 0.1 * crop.side, side)
        frames.append(extract_crop(portrait, square, SIDE))
    return frames


@pytest.fixture(scope="module")
def frames(engine: Engine) -> list[Picture]:
    return swaying(engine)


def tracked(engine: Engine, folder: Path, frames: list[Picture]) -> Motion:
    path = folder / "clip.mp4"
    write_clip(Clip(iter(frames), FPS), path, options=EncodeOptions(crf=4, preset="ultrafast"))
    return track(engine, path)


@pytest.fixture(scope="module")
def plain(engine: Engine, tmp_path_factory: pytest.TempPathFactory, frames: list[Picture]) -> Keypoints:
    return tracked(engine, tmp_path_factory.mktemp("plain"), frames).keypoints


def faded(frame: Picture, share: float) -> Picture:
    return (frame * share).astype(np.uint8)


def apart(found: Keypoints, expected: Keypoints) -> float:
    """The largest difference of all points, in crop units."""
    return max(
        float(np.abs(found.points - expected.points).max()),
        float(np.abs(found.landmarks - expected.landmarks).max()),
    )


NO_FACE = {
    "fade from black": range(5),
    "title card": range(4),
    "flash": range(1),
    "black in the middle": range(6, 10),
    "covered in the middle": range(6, 10),
    "fade to white": range(12, 16),
}


def spoilt(case: str, frame: Picture, step: int) -> Picture:
    """A frame without a face, or with too little of one."""
    if case == "fade from black":
        return faded(frame, 0.06 * step)
    if case == "fade to white":
        return 255 - faded(255 - frame, 0.05 * (15 - step))
    if case == "covered in the middle":
        covered = frame.copy()
        covered[SIDE // 2 - 20 :] = 205, 155, 130
        return covered
    if case == "title card":
        card = np.full_like(frame, 30)
        card[130:170, 40:260:9] = 240
        return card
    return np.full_like(frame, 255 if case == "flash" else 0)


@pytest.mark.parametrize("case", NO_FACE)
def test_frames_without_a_face_take_the_pose_of_the_nearest(
    engine: Engine, frames: list[Picture], plain: Keypoints, tmp_path: Path, case: str
) -> None:
    without = list(NO_FACE[case])
    clip = [spoilt(case, frame, n) if n in without else frame for n, frame in enumerate(frames)]
    found = tracked(engine, tmp_path, clip).keypoints
    seen = [n for n in range(STEPS) if n not in without]
    for n in range(STEPS):
        nearest = min(seen, key=lambda other: abs(other - n))
        assert apart(found[n], plain[nearest]) < 0.04, n  # steadied, so a little less far
        assert np.abs(found.jacobians[n] - plain.jacobians[nearest]).max() < 0.15, n


def test_mostly_without_a_face_is_refused(engine: Engine, frames: list[Picture], tmp_path: Path) -> None:
    with pytest.raises(NoFaceFound, match="7 of 16"):
        tracked(engine, tmp_path, [frame if n < 7 else faded(frame, 0) for n, frame in enumerate(frames)])


def test_after_a_cut_to_someone_else_the_movement_goes_on(
    engine: Engine, frames: list[Picture], plain: Keypoints, tmp_path: Path
) -> None:
    """Another face, larger and elsewhere, sways about the same pose."""
    other = [
        np.asarray(Image.fromarray(frame).resize((SIDE, SIDE), box=(50, 30, 290, 270)))
        for frame in swaying(engine, "benjamin-franklin")
    ]
    found = tracked(engine, tmp_path, frames + other).keypoints
    first, second = found[:STEPS], found[STEPS:]
    assert apart(first, plain) < 1e-4
    usual = np.median(second.landmarks, 0) - np.median(first.landmarks, 0)
    assert np.abs(usual).mean() < 0.01 and np.abs(usual).max() < 0.06  # lips stay as open as they are
    assert np.ptp(second.landmarks[..., 0].mean(1)) > 0.05  # it sways
    assert np.abs(second.points - np.median(first.points, 0)).max() < 0.3


def test_a_zoom_within_a_clip_is_no_movement(
    engine: Engine, frames: list[Picture], plain: Keypoints, tmp_path: Path
) -> None:
    closer = [
        np.asarray(Image.fromarray(frame).resize((SIDE, SIDE), box=(30, 30, 270, 270))) for frame in frames
    ]
    found = tracked(engine, tmp_path, frames + closer).keypoints
    assert apart(found[STEPS:], plain) < 0.04


def tilted(frames: list[Picture], degrees: FloatArray | list[float]) -> list[Picture]:
    """Frames turned clockwise."""
    return [
        np.asarray(
            Image.fromarray(frame).rotate(-degree, Image.Resampling.BICUBIC, fillcolor=(128, 128, 128))
        )
        for frame, degree in zip(frames, degrees, strict=True)
    ]


@pytest.mark.parametrize("degrees", [30, -45, 60, 90, 180])
def test_a_clip_that_lies_moves_as_the_upright_one(
    engine: Engine, frames: list[Picture], plain: Keypoints, tmp_path: Path, degrees: float
) -> None:
    """A phone held sideways, someone on a sofa."""
    found = tracked(engine, tmp_path, tilted(frames, [degrees] * STEPS)).keypoints
    moved, expected = found.landmarks - found.landmarks[0], plain.landmarks - plain.landmarks[0]
    assert np.abs(moved - expected).max() < 0.03
    assert np.abs(found.points - plain.points - (found.points[0] - plain.points[0])).max() < 0.03


def test_a_tilt_within_a_clip_is_kept_as_far_as_it_can_be_painted(
    engine: Engine, frames: list[Picture], tmp_path: Path
) -> None:
    degrees = np.linspace(0, 50, STEPS)
    found = tracked(engine, tmp_path, tilted(frames[:1] * STEPS, degrees)).keypoints
    right, left = (MESH_INDICES.index(corner) for corner in (33, 263))
    eyes = found.landmarks[:, left] - found.landmarks[:, right]
    rolls = np.degrees(np.unwrap(np.arctan2(eyes[:, 1], eyes[:, 0])))
    assert (np.diff(rolls) > -0.3).all()
    assert rolls[-1] - rolls[0] == pytest.approx(np.degrees(MAX_TILT), abs=2)
    assert rolls[3] - rolls[0] == pytest.approx(10, abs=2)
    steps = np.abs(np.diff(found.points, axis=0)).max((1, 2))
    assert steps.max() < 0.1  # nothing leaps where the frame is first turned


def test_in_a_square_that_is_asked_for_nothing_is_moved(
    engine: Engine, frames: list[Picture], tmp_path: Path
) -> None:
    """So a clip is rebuilt as it is: a zoom stays one, and a tilt as it was."""
    closer = [
        np.asarray(Image.fromarray(frame).resize((SIDE, SIDE), box=(30, 30, 270, 270)))
        for frame in tilted(frames, [20] * STEPS)
    ]
    path = tmp_path / "clip.mp4"
    write_clip(Clip(iter(frames + closer), FPS), path, options=EncodeOptions(crf=4, preset="ultrafast"))
    found = track(engine, path, crop=Crop(0, 0, SIDE)).keypoints.landmarks
    right, left = (MESH_INDICES.index(corner) for corner in (33, 263))
    across = (found[:, left] - found[:, right])[[STEPS // 2, STEPS + STEPS // 2]]
    assert np.linalg.norm(across[1]) / np.linalg.norm(across[0]) == pytest.approx(1.25, rel=0.03)
    rolls = np.degrees(np.arctan2(across[:, 1], across[:, 0]))
    assert rolls[1] - rolls[0] == pytest.approx(20, abs=2)
