"""A clip -> its motion, as the engine's model sees it.

frames -> a face in each -> shots -> a crop for each shot -> keypoints -> frames without a face filled ->
all shots aligned to one pose, smoothed
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, tee
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reenact.engine import Engine
from reenact.errors import DrivingStill, NoFaceFound
from reenact.face.align import align, crop_angle, extract_crop
from reenact.face.shots import FrameFeatures, detect_shots, frame_features, single_shot
from reenact.generator.renderer import NATIVE_SIZE
from reenact.media import VIDEO_LIMITS, VideoLimits, open_clip
from reenact.motion.anchor import align_shots
from reenact.motion.tilt import UNLIMITED_TILT, limit_tilt, tilt_pose
from reenact.types import Clip, Crop, Face, Keypoints, Motion, Picture, ProgressCallback, rotate_points


def track(
    engine: Engine,
    clip: Path,
    *,
    crop: Crop | None = None,
    part: tuple[int, int | None] = (0, None),
    limits: VideoLimits = VIDEO_LIMITS,
    on_progress: ProgressCallback | None = None,
) -> Motion:
    """Take the motion from a clip, steadied. The clip is read twice, so that memory does not grow with it.

    Frames in which no face is really seen take the pose of the nearest one in which it is.

    Args:
        engine: opened once.
        clip: any format that ``open_clip`` reads.
        crop: the square to look at; None means the square around the face, fixed from cut to cut.
        part: first frame that is used and the one after the last; None: to the end.
        limits: of the clip.
        on_progress: is told of every frame, always as 0 done.

    Raises:
        NoFaceFound: fewer than half of its frames show a face.
        InputError: the clip cannot be used.
    """

    def frames(opened: Clip) -> Iterator[Picture]:
        for frame in islice(opened.frames, *part):
            yield frame
            if on_progress:
                on_progress(0, opened.frame_count or 0)

    opened = open_clip(clip, limits)
    features = list(frame_features_of(engine, frames(opened)))
    # A given crop is to be reconstructed as it is: no shots, no rotation.
    shot = single_shot(features) if crop else detect_shots(features, opened.fps)
    nearest = fill_missing_faces(shot >= 0)
    shot_crops = [_ShotCrop(crop, None)] if crop else _shot_crops(features, shot)
    again = frames(open_clip(clip, limits))
    poses = Keypoints.stacked(_poses(engine, again, features, shot, shot_crops))
    filled = poses[np.searchsorted(np.flatnonzero(shot >= 0), nearest)]
    return Motion(align_shots(filled, shot[nearest], opened.fps), opened.fps, engine.model)


def require_motion(motion: Motion) -> Motion:
    """The motion of a clip; raises DrivingStill where it can move nothing."""
    if len(motion) == 1:
        raise DrivingStill(
            "The clip is a single picture, so nothing would move. Send one in which a face moves."
        )
    return motion


def fill_missing_faces(has_face: NDArray[np.bool_]) -> NDArray[np.intp]:
    """For every frame (T,) the nearest one that shows a face; raises NoFaceFound where fewer than half do."""
    places = np.flatnonzero(has_face)
    if 2 * len(places) < len(has_face) or not len(places):
        raise NoFaceFound(
            f"A face was found in {len(places)} of {len(has_face)} frames of the driving clip. "
            "Use a clip that shows one face from the front all the time."
        )
    return np.asarray(places[np.abs(places - np.arange(len(has_face))[:, None]).argmin(1)])


def frame_features_of(engine: Engine, frames: Iterator[Picture]) -> Iterator[FrameFeatures | None]:
    """The largest face of every frame, and what it is compared by; None where there is none."""
    shown, followed = tee(frames)
    for frame, face in zip(shown, engine.finder.follow(followed), strict=True):
        yield frame_features(frame, face) if face else None


@dataclass(frozen=True)
class _ShotCrop:
    """The crop of a shot, and its reference roll; None: the tilt of heads is not limited."""

    crop: Crop
    roll: float | None


def _shot_crops(features: list[FrameFeatures | None], shot: NDArray[np.intp]) -> list[_ShotCrop]:
    """The crop of every shot."""
    faces = [
        [each.face for each, its in zip(features, shot, strict=True) if each and its == number]
        for number in range(shot.max() + 1)
    ]
    # Motion counts from the first frame, so it is there that a head is upright; in later shots on average.
    rolls = [faces[0][0].roll, *(_mean_roll(each) for each in faces[1:])]
    return [
        _ShotCrop(_median_crop(each, crop_angle(roll)), roll) for each, roll in zip(faces, rolls, strict=True)
    ]


def _mean_roll(faces: list[Face]) -> float:
    return float(np.angle(np.exp(1j * np.array([face.roll for face in faces])).mean()))


def _median_crop(faces: list[Face], angle: float) -> Crop:
    """One square for many frames: the median of their squares."""
    crops = np.array([(*crop.centre, crop.side) for crop in (align(face, angle) for face in faces)])
    x, y, side = (float(value) for value in np.median(crops, 0))
    return Crop(x - side / 2, y - side / 2, side, angle)


def _poses(
    engine: Engine,
    frames: Iterator[Picture],
    features: list[FrameFeatures | None],
    shot: NDArray[np.intp],
    shot_crops: list[_ShotCrop],
) -> Iterator[Keypoints]:
    """The pose of every frame with a face, in the crop of its shot."""
    for frame, each, number in zip(frames, features, shot, strict=True):
        if each and number >= 0:
            yield _pose(engine, frame, each.face, shot_crops[number])


def _pose(engine: Engine, frame: Picture, face: Face, shot_crop: _ShotCrop) -> Keypoints:
    """A face's pose; one that tilts much is seen upright, and tilted afterwards as far as can be painted."""
    crop, tilt = shot_crop.crop, 0.0
    if shot_crop.roll is not None:
        tilt = float(np.angle(np.exp(1j * (face.roll - shot_crop.roll))))
    if abs(tilt) <= UNLIMITED_TILT:
        return engine.detector.one(extract_crop(frame, crop, NATIVE_SIZE), face, crop)
    middle = face.landmarks[:468].mean(0)
    x, y = rotate_points(np.array(crop.centre) - middle, tilt) + middle
    upright = Crop(float(x) - crop.side / 2, float(y) - crop.side / 2, crop.side, crop.angle + tilt)
    pose = engine.detector.one(extract_crop(frame, upright, NATIVE_SIZE), face, upright)
    return tilt_pose(pose, upright.to_units(middle), limit_tilt(tilt))
