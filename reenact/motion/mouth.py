"""Transfer of the mouth opening: absolute, not only relative to the start frame."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from reenact.landmarks import GAPS, MESH_INDICES, MOUTH_GAPS
from reenact.types import FloatArray

# Inner lips as positions in MESH_INDICES: the middle, then both sides.
_UPPER, _LOWER = ([gap[rim] for gap in GAPS[:MOUTH_GAPS]] for rim in (0, 1))

# How far points go down as lips part by 1, by the judge's landmarks of 260 training clips: the lower lip
# drops, the upper is lifted a little, outer lips, chin and jaw follow.
_UPPER_SHARE, _LOWER_SHARE = -0.2, 0.8
_FOLLOWING = {
    MESH_INDICES.index(index): share
    for index, share in ((0, -0.1), (17, 0.75), (152, 0.43), (172, 0.28), (397, 0.28))
}
_RAMP_SECONDS = 0.08  # seconds of the ramp from the selfie's own opening to the driving one
_SMILE_SECONDS = 0.32  # seconds in which a smile closes
# In face sizes: closed lips are painted closed until about so much opening is asked for, so more is asked.
_SLACK = 0.012


def transfer_mouth_opening(
    landmarks: FloatArray,
    source: FloatArray,
    driving: FloatArray,
    first: int,
    size: float,
    scale: float,
    strength: float,
    fps: Fraction,
) -> FloatArray:
    """Landmarks whose lips open as far as those of the driving face, not only by the change since ``first``.

    Args:
        landmarks: (T, L, 2), the source's, shifted as the driving's are since ``first``.
        source: (L, 2), in crop units as all of them.
        driving: (T, L, 2).
        first: the frame that motion counts from, and that stays the selfie.
        size: of the selfie's face, the square root of its hull's area.
        scale: ``size`` over that of the driving's face.
        strength: of the movement, 0 to 2.
        fps: frames a second of the driving.

    Returns:
        (T, L, 2), with lips, chin and jaw moved.
    """
    driven = lip_gaps(driving) * np.float32(scale * strength)
    widths = np.linalg.norm(driven[:, 0], axis=-1)
    # From where the mouth is most closed, not from the start: a clip that starts with an open mouth would
    # else press a closed one together.
    opened = driven - driven[widths.argmin()]
    own = lip_gaps(source)
    slack = max(_SLACK * size - float(np.linalg.norm(own[0])), 0)
    further = _ramp(len(driven), first, _RAMP_SECONDS, fps) * (
        opened[first] + _compensate_slack(opened, slack)
    )
    further = further - _ramp(len(driven), first, _SMILE_SECONDS, fps) * _smile(own, widths)
    return part_lips(landmarks, further)


def part_lips(landmarks: FloatArray, further: FloatArray) -> FloatArray:
    """Landmarks (..., L, 2) whose lips part by ``further`` (..., 3, 2) more; chin and jaw follow."""
    moved = landmarks.copy()
    moved[..., _UPPER, :] += _UPPER_SHARE * further
    moved[..., _LOWER, :] += _LOWER_SHARE * further
    for index, share in _FOLLOWING.items():
        moved[..., index, :] += share * further[..., 0, :]
    return moved.astype(np.float32)


def lip_gaps(landmarks: FloatArray) -> FloatArray:
    """From the inner upper to the inner lower lip, in the middle and on both sides: (..., 3, 2)."""
    return landmarks[..., _LOWER, :] - landmarks[..., _UPPER, :]


def _compensate_slack(opened: FloatArray, slack: float) -> FloatArray:
    """Extra opening for openings (T, 3, 2), since small ones are rendered closed: ``slack`` at most."""
    width = np.linalg.norm(opened, axis=-1, keepdims=True)
    return np.asarray(opened * slack / np.maximum(width + slack, 1e-6), np.float32)


def _smile(own: FloatArray, widths: FloatArray) -> FloatArray:
    """How much of a selfie's own opening (3, 2) goes where the driving's mouth, ``widths`` (T) open, closes.

    All but what the driving's mouth keeps open, if that moves by as much. Over one that rests a smile stays.
    """
    width = max(float(np.linalg.norm(own[0])), 1e-6)
    moves = min(float(np.ptp(widths)) / width, 1)
    return np.asarray(own * (moves * max(1 - float(widths.min()) / width, 0)), np.float32)


def _ramp(count: int, first: int, seconds: float, fps: Fraction) -> FloatArray:
    """Smooth ramp from 0 at ``first`` to 1 after ``seconds``, in both directions of a loop: (T, 1, 1)."""
    away = np.abs(np.arange(count) - first)
    share = np.minimum(np.minimum(away, count - away) / max(seconds * float(fps), 1), 1)
    return np.asarray(share * share * (3 - 2 * share), np.float32)[:, None, None]
