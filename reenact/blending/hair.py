"""Remove the selfie's hair and background from the mask: a fringe, shaded temples, a hat's brim.

Where forehead and temples of the rendered face do not look like its skin, the clip's face is kept.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from reenact.blending.mask import BROWS, face_size
from reenact.blending.skin import SIDE, regions, skin_field, values_of
from reenact.landmarks import BROWS as DRIVEN_BROWS
from reenact.landmarks import MESH_INDICES
from reenact.types import FloatArray, Picture

_DARK = 0.35, 0.7  # log odds below the skin from which a pixel may be hair, and certainly is
_HUE = 0.1, 0.2  # the same for the distance in hue
_DRIVEN_BROWS = [MESH_INDICES.index(index) for index in DRIVEN_BROWS]
_MARGIN, _RAMP = 0.03, 0.04  # shares of the face's size


def without_hair(alpha: FloatArray, square: Picture, landmarks: FloatArray, driven: FloatArray) -> FloatArray:
    """The mask without non-skin on the selfie's forehead and temples.

    Args:
        alpha: (S, S) float32 in [0, 1], of ``mask``.
        square: (S, S, 3) uint8, the rendered face.
        landmarks: (478, 2) of the clip's face, in pixels of the square.
        driven: (L, 2) landmarks of the pose that was rendered, in crop units of the square.

    Returns:
        (S, S) float32 in [0, 1], nowhere above ``alpha``.
    """
    support, features, sure = regions(alpha, landmarks)
    _, rest = skin_field(values_of(square), support - features, sure)
    hue = np.linalg.norm(rest[:, 1:], axis=1)
    foreign = np.maximum(_ramp(-rest[:, 0], *_DARK), _ramp(hue, *_HUE)) * (support > 0)
    places = _above(landmarks * np.float32(SIDE / len(square)), (driven + 1) * np.float32(SIDE / 2))
    image = Image.fromarray(np.uint8(255 * foreign.reshape(SIDE, SIDE) * places))
    image = image.filter(ImageFilter.MaxFilter(3)).filter(ImageFilter.GaussianBlur(1.2))
    wide = np.asarray(image.resize(square.shape[:2], Image.Resampling.BICUBIC), np.float32)
    return np.asarray(alpha * (1 - wide / 255), np.float32)


def _above(clip: FloatArray, driven: FloatArray) -> FloatArray:
    """Mask (64, 64): 1 above the brows of both faces and beside brows and cheeks, 0 on them and below."""
    size = face_size(clip)
    up = clip[10] - clip[152]
    up = up / max(float(np.linalg.norm(up)), 1e-3)
    out = np.array([-up[1], up[0]], np.float32)
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32) + np.float32(0.5)
    height, side = x * up[0] + y * up[1], x * out[0] + y * out[1]
    brows = np.concatenate([clip[[*BROWS[0], *BROWS[1]]], driven[_DRIVEN_BROWS]])
    over = _ramp(height - float((brows @ up).max()), _MARGIN * size, (_MARGIN + _RAMP) * size)
    ends = brows @ out
    beyond = np.maximum(float(ends.min()) - side, side - float(ends.max()))
    beside = _ramp(beyond, 0.5 * _MARGIN * size, (0.5 * _MARGIN + _RAMP) * size)
    above_mouth = _ramp(height - float(clip[[61, 291]].mean(0) @ up), 0, 2 * _RAMP * size)
    return np.asarray(np.maximum(over, beside * above_mouth), np.float32)


def _ramp(values: FloatArray, low: float, high: float) -> FloatArray:
    return np.asarray(np.clip((values - low) / (high - low), 0, 1), np.float32)
