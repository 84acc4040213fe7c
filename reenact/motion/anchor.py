"""Several shots as one motion: each shot is aligned by its own median pose."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from reenact.landmarks import GAPS, MOUTH_GAPS
from reenact.motion.one_euro import smooth_motion
from reenact.types import Keypoints


def align_shots(keypoints: Keypoints, shot: NDArray[np.intp], fps: Fraction) -> Keypoints:
    """Move every shot to the median pose of the first, and smooth each by itself, so that cuts stay sharp.

    Another person, or another camera position, differs by more than the motion itself. So only the difference
    of each frame from the median pose of its shot is kept. The opening of the lips is kept as it is; the
    opening of the lids is scaled to that of the first shot.

    Args:
        keypoints: T frames, each in the crop of its shot.
        shot: (T,), the shot number of each frame, ascending.
        fps: frames a second.
    """
    first = _median_pose(keypoints[shot == shot[0]])
    parts = []
    for number in np.unique(shot):
        part = keypoints[shot == number]
        part = part if number == shot[0] else _move_median(part, _median_pose(part), first)
        parts.append(smooth_motion(part, fps))
    return Keypoints.joined(parts)


def _median_pose(keypoints: Keypoints) -> Keypoints:
    """The median pose of T frames, without a time axis."""
    arrays = (keypoints.points, keypoints.jacobians, keypoints.landmarks)
    return Keypoints(*(np.median(values, 0).astype(np.float32) for values in arrays))


def _move_median(part: Keypoints, usual: Keypoints, wanted: Keypoints) -> Keypoints:
    """A shot moved so that its median pose becomes ``wanted``."""
    landmarks, shift = part.landmarks.copy(), wanted.landmarks - usual.landmarks
    for place, (upper, lower, *_) in enumerate(GAPS):
        shift[[upper, lower]] = shift[[upper, lower]].mean(0)
        if place >= MOUTH_GAPS:
            opening = landmarks[:, upper] - landmarks[:, lower]
            wider = _gap(wanted, upper, lower) / max(_gap(usual, upper, lower), 1e-3)
            landmarks[:, upper] = landmarks[:, lower] + opening * np.float32(wider)
    change = np.linalg.inv(usual.jacobians) @ wanted.jacobians
    points = part.points + wanted.points - usual.points
    return Keypoints(points, (part.jacobians @ change).astype(np.float32), landmarks + shift)


def _gap(pose: Keypoints, upper: int, lower: int) -> float:
    return float(np.linalg.norm(pose.landmarks[upper] - pose.landmarks[lower]))
