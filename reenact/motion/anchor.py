"""A clip of several takes as one movement: each shot as it moves about its own usual pose."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from reenact.landmarks import GAPS, MOUTH_GAPS
from reenact.motion.one_euro import smooth_motion
from reenact.types import Keypoints


def align_shots(keypoints: Keypoints, shot: NDArray[np.intp], fps: Fraction) -> Keypoints:
    """Every shot moved to where the first one is, and smoothed by itself, so that no cut is smeared.

    Another person, or the same one seen by another camera, differs by more than the movement does. So of each
    shot only the difference from its own usual pose, the median, is kept. How far lips part stays as it is;
    lids part as much as in the first shot.

    Args:
        keypoints: T frames, each in the square of its shot.
        shot: (T,), the number of each frame's shot, in ascending order.
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
    """A shot whose usual pose becomes another one."""
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
