"""How far a driving head tilts: as far as a head can be painted."""

from __future__ import annotations

import math

import numpy as np

from reenact.types import FloatArray, Keypoints, rotate_points

UNLIMITED_TILT = math.radians(12)  # up to here a tilt stays what it is
MAX_TILT = math.radians(18)  # no tilt becomes more: of a mouth's opening .78 is painted then, and .62 at 32


def limit_tilt(tilt: float) -> float:
    """What of a tilt since the clip's start is kept, in radians: never more than ``MAX_TILT``."""
    beyond = max(abs(tilt) - UNLIMITED_TILT, 0.0)
    room = MAX_TILT - UNLIMITED_TILT
    return math.copysign(min(abs(tilt), UNLIMITED_TILT) + room * math.tanh(beyond / room), tilt)


def tilt_pose(pose: Keypoints, middle: FloatArray, tilt: float) -> Keypoints:
    """A pose without a time axis turned clockwise by ``tilt`` radians about ``middle`` (2,) in crop units."""

    def about(points: FloatArray) -> FloatArray:
        return np.asarray(rotate_points(points - middle, tilt) + middle, np.float32)

    # Columns of a jacobian are directions in the picture, so they turn as points do.
    jacobians = np.swapaxes(rotate_points(np.swapaxes(pose.jacobians, -1, -2), tilt), -1, -2)
    return Keypoints(about(pose.points), jacobians.astype(np.float32), about(pose.landmarks))
