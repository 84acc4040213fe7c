"""Limit of the head tilt of a driving motion, since strong tilts render badly."""

from __future__ import annotations

import math

import numpy as np

from reenact.types import FloatArray, Keypoints, rotate_points

UNLIMITED_TILT = math.radians(12)  # smaller tilts are not changed
MAX_TILT = math.radians(18)  # limit: of a mouth's opening 0.78 is rendered here, 0.62 at 32 degrees


def limit_tilt(tilt: float) -> float:
    """A tilt since the start of the clip, in radians, softly limited to less than ``MAX_TILT``."""
    beyond = max(abs(tilt) - UNLIMITED_TILT, 0.0)
    room = MAX_TILT - UNLIMITED_TILT
    return math.copysign(min(abs(tilt), UNLIMITED_TILT) + room * math.tanh(beyond / room), tilt)


def tilt_pose(pose: Keypoints, middle: FloatArray, tilt: float) -> Keypoints:
    """A pose without a time axis, rotated clockwise by ``tilt`` radians about ``middle`` (2,), crop units."""

    def about(points: FloatArray) -> FloatArray:
        return np.asarray(rotate_points(points - middle, tilt) + middle, np.float32)

    # Columns of a jacobian are directions in the picture, so they turn as points do.
    jacobians = np.swapaxes(rotate_points(np.swapaxes(pose.jacobians, -1, -2), tilt), -1, -2)
    return Keypoints(about(pose.points), jacobians.astype(np.float32), about(pose.landmarks))
