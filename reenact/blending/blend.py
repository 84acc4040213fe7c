"""Composite a square with its mask into a whole frame; no pixel outside the mask changes."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from reenact.types import Crop, FloatArray, Picture

_FINER = 1.25  # square pixels per frame pixel, beyond which plain resampling would alias
_CORNERS = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])  # of a square in crop units, clockwise


def blend(frame: Picture, square: Picture, alpha: FloatArray, crop: Crop) -> Picture:
    """The frame with a square composited over it.

    Args:
        frame: (H, W, 3) uint8; not changed.
        square: (S, S, 3) uint8, the content of ``crop``.
        alpha: (S, S) float32 in [0, 1], its opacity; 0 along the square's border.
        crop: in pixels of the frame; it may extend beyond.

    Returns:
        (H, W, 3) uint8, bit-identical wherever ``alpha`` is 0.
    """
    if len(square) > _FINER * crop.side:
        square, alpha = _reduced(square, alpha, max(1, round(crop.side)))
    left, top, right, bottom = _bounds(alpha, crop, frame.shape[1::-1])
    if left >= right or top >= bottom:
        return frame
    corner = crop.to_units(np.array([[left, top], [left + 1, top], [left, top + 1]])).astype(np.float64)
    origin, across, down = (corner + 1) / 2 * len(square)
    across, down = across - origin, down - origin
    coefficients = (across[0], down[0], origin[0], across[1], down[1], origin[1])
    size, way = (right - left, bottom - top), Image.Transform.AFFINE
    laid = np.asarray(Image.fromarray(square).transform(size, way, coefficients, Image.Resampling.BICUBIC))
    mask = Image.fromarray(np.rint(alpha * 255).astype(np.uint8))
    share = np.asarray(mask.transform(size, way, coefficients, Image.Resampling.BILINEAR)).astype(np.int32)
    result = frame.copy()
    under = result[top:bottom, left:right]
    mixed = under * (255 - share[..., None]) + laid * share[..., None] + 127
    under[...] = mixed // 255
    return result


def _reduced(square: Picture, alpha: FloatArray, side: int) -> tuple[Picture, FloatArray]:
    """Both, reduced to ``side`` pixels."""
    smaller = Image.fromarray(square).resize((side, side), Image.Resampling.BOX)
    mask = Image.fromarray(alpha).resize((side, side), Image.Resampling.BOX)
    return np.asarray(smaller), np.asarray(mask)


def _bounds(alpha: FloatArray, crop: Crop, size: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the pixels that the mask can affect."""
    rows, columns = np.flatnonzero(alpha.any(1)), np.flatnonzero(alpha.any(0))
    if not len(rows):
        return 0, 0, 0, 0
    low = np.array([columns[0], rows[0]]) / len(alpha) * 2 - 1
    high = np.array([columns[-1] + 1, rows[-1] + 1]) / len(alpha) * 2 - 1
    corners = crop.to_pixels(low + (_CORNERS + 1) / 2 * (high - low))
    left, top = (max(math.floor(value) - 1, 0) for value in corners.min(0).tolist())
    right, bottom = (
        min(math.ceil(value) + 1, most) for value, most in zip(corners.max(0).tolist(), size, strict=True)
    )
    return left, top, right, bottom
