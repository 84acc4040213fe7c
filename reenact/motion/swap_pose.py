"""The clip's poses with the subject's proportions.

What never moves (how far apart eyes are, how long a nose is) is the subject's. What moves is the clip's:
where the head is, how far lids and lips are open.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reenact.landmarks import GAPS, MESH_INDICES
from reenact.motion.mouth import lip_gaps, part_lips
from reenact.motion.transfer import best_start
from reenact.types import FloatArray, Keypoints

# By these the subject's shape is laid on the clip's face: eye corners, nose tip, brows, cheeks. They move
# with the skull alone.
_RIGID = [MESH_INDICES.index(index) for index in (33, 133, 362, 263, 1, 105, 334, 234, 454)]
# Learned points carry the head's outline and light as well: with half of the subject's they follow the clip
# better, and identity is the same (12 pairs: .667 and .671; jaw error .108 and .127).
_LEARNED = 0.5


def swap_poses(subject: Keypoints, clip: Keypoints, likeness: float = 1.0) -> Keypoints:
    """Poses that show ``subject`` as it would look in the place of the clip's face.

    Args:
        subject: the pose of its picture, without a time axis, in crop units.
        clip: T poses, each in the square of its frame.
        likeness: 1 keeps the subject's own proportions, 0 takes all of the clip's.

    Returns:
        T poses in the same squares as ``clip``.
    """
    start = clip[best_start(subject, clip)]
    scale, turn, shift = similarity(subject.landmarks[_RIGID], start.landmarks[_RIGID])
    linear = (scale * turn).astype(np.float32)
    # How the subject differs from the clip's person in the same pose, face size and place taken out
    laid = np.asarray(subject.landmarks @ linear.T + shift, np.float32)
    shape = part_lips(laid, lip_gaps(start.landmarks) - lip_gaps(laid)) - start.landmarks
    points = subject.points @ linear.T + shift - start.points
    jacobian = np.linalg.inv(start.jacobians) @ (linear @ subject.jacobians)

    scales, turns, _ = similarity(start.landmarks[_RIGID], clip.landmarks[:, _RIGID])
    moved = (scales[:, None, None] * turns).astype(np.float32).transpose(0, 2, 1)
    learned = np.float32(likeness * _LEARNED)
    eye = np.eye(2, dtype=np.float32)
    landmarks = clip.landmarks + likeness * shape @ moved
    return Keypoints(
        (clip.points + learned * points @ moved).astype(np.float32),
        (clip.jacobians @ (eye + learned * (jacobian - eye))).astype(np.float32),
        _opened(landmarks.astype(np.float32), clip.landmarks),
    )


def _opened(landmarks: FloatArray, clip: FloatArray) -> FloatArray:
    """Landmarks (T, L, 2) whose lids and lips are as far open as the clip's."""
    opened = landmarks.copy()
    for upper, lower, *_ in GAPS:
        middle = (landmarks[:, upper] + landmarks[:, lower]) / 2
        half = (clip[:, upper] - clip[:, lower]) / 2
        opened[:, upper], opened[:, lower] = middle + half, middle - half
    return opened


def similarity(
    start: FloatArray, end: FloatArray
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Scale (...), rotation (..., 2, 2), shift (..., 2) that best move points (N, 2) to others (..., N, 2).

    ``end = scale * start @ rotation.T + shift`` in least squares (Umeyama, 1991, without reflections).
    """
    first, last = start.astype(np.float64), end.astype(np.float64)
    from_mean, to_mean = first.mean(-2), last.mean(-2)
    a, b = first - from_mean, last - to_mean[..., None, :]
    along = (a * b).sum((-1, -2))
    across = (a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]).sum(-1)
    length = np.hypot(along, across)
    scale = length / np.square(a).sum((-1, -2))
    cos, sin = along / length, across / length
    turn = np.stack([np.stack([cos, -sin], -1), np.stack([sin, cos], -1)], -2)
    shift = to_mean - scale[..., None] * (turn @ from_mean)
    return scale, turn, shift
