"""Drivers: sources of the poses that animate a subject, with a frame rate and optional sound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import numpy as np

from reenact.engine import Engine
from reenact.errors import DrivingStill
from reenact.face_track import FaceTrack
from reenact.motion.retime import resample_knots
from reenact.motion.swap_pose import swap_poses
from reenact.motion.transfer import TransferOptions, transfer
from reenact.tracking import track
from reenact.types import Keypoints, Motion, ProgressCallback, Template


class Driver(Protocol):
    """A source of poses. ``audio`` is the file whose first audio track belongs to them, if there is one."""

    @property
    def fps(self) -> Fraction:
        """Poses per second."""

    @property
    def audio(self) -> Path | None:
        """The file with the sound."""

    def poses(self, subject: Keypoints) -> Keypoints:
        """Poses (T frames) for a subject whose own pose is ``subject`` (no time axis), in its crop units."""


@dataclass(frozen=True)
class MotionDriver:
    """A stored template, or the motion tracked in a clip."""

    motion: Motion
    options: TransferOptions
    audio: Path | None = None

    @property
    def fps(self) -> Fraction:
        """Poses per second."""
        return self.motion.fps

    def poses(self, subject: Keypoints) -> Keypoints:
        """The motion transferred to the subject: relative or absolute, by the options."""
        return transfer(subject, self.motion.keypoints, self.options, self.motion.fps)


@dataclass(frozen=True)
class FaceTrackDriver:
    """The face of a clip that a subject replaces; poses are relative to the squares of visible frames."""

    track: FaceTrack
    fps: Fraction
    likeness: float = 1.0
    audio: Path | None = None

    def poses(self, subject: Keypoints) -> Keypoints:
        """The clip's poses with the subject's proportions, for visible frames only."""
        visible = np.flatnonzero(self.track.visibility > 0)
        return swap_poses(subject, self.track.keypoints, self.likeness)[visible]


@dataclass(frozen=True)
class PacedDriver:
    """A motion resampled to another rate and length: it loops where it can, else its last pose is held."""

    driver: MotionDriver
    fps: Fraction
    count: int
    audio: Path | None = None

    def poses(self, subject: Keypoints) -> Keypoints:
        """The driver's poses, resampled, and repeated or held up to ``count``."""
        poses, step = self.driver.poses(subject), float(self.driver.fps / self.fps)
        if step != 1:
            arrays = (poses.points, poses.jacobians, poses.landmarks)
            resampled = (resample_knots(each.astype(np.float64), step) for each in arrays)
            poses = Keypoints(*(each.astype(np.float32) for each in resampled))
        places = np.arange(self.count)
        return poses[places % len(poses) if is_loop(poses) else np.minimum(places, len(poses) - 1)]


def in_step(drivers: Sequence[MotionDriver]) -> list[Driver]:
    """Synchronized motions of several faces: all at the rate of the first and as long as the longest."""
    first = drivers[0]
    counts = [int((len(each.motion) - 1) / (each.fps / first.fps)) + 1 for each in drivers]
    if all(each.fps == first.fps for each in drivers) and len(set(counts)) == 1:
        return list(drivers)
    sound = next((each.audio for each in drivers if each.audio), None)
    return [PacedDriver(each, first.fps, max(counts), sound) for each in drivers]


def is_loop(poses: Keypoints) -> bool:
    """Whether a motion can loop: the step from its end to its start is no longer than most of its steps."""
    if len(poses) < 3:
        return False
    steps = np.linalg.norm(np.diff(poses.landmarks, axis=0), axis=-1).mean(-1)
    back = np.linalg.norm(poses.landmarks[0] - poses.landmarks[-1], axis=-1).mean()
    return bool(back <= np.quantile(steps, 0.95))


def open_driver(
    engine: Engine,
    template: Template | Path,
    options: TransferOptions,
    on_progress: ProgressCallback | None = None,
) -> MotionDriver:
    """The stored motion of a template, or the motion of a clip, which is tracked by this call.

    Raises:
        DrivingStill: relative motion is requested, and the clip is a single picture.
        NoFaceFound: fewer than half of the clip's frames show a face.
        InputError: the clip cannot be used.
    """
    if isinstance(template, Template):
        return MotionDriver(template.motion, options, template.driving)
    motion = track(engine, template, on_progress=on_progress)
    if options.mode == "relative" and len(motion) == 1:
        raise DrivingStill(
            "The clip is a single picture, so nothing would move. Send one in which a face moves."
        )
    return MotionDriver(motion, options, template)
