"""Sampling of a rotated square, shared by all face models."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from reenact.types import FloatArray, Picture


@dataclass(frozen=True)
class Square:
    """A square in picture pixels: centre, side, and clockwise rotation in radians."""

    x: float
    y: float
    side: float
    angle: float = 0.0

    def to_pixels(self, points: NDArray[np.floating]) -> FloatArray:
        """Points (..., 2) in [0, 1] across the square -> picture pixels (..., 2) float32."""
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        turn = np.array([[cos, sin], [-sin, cos]])
        return np.asarray((points - 0.5) * self.side @ turn + np.array([self.x, self.y]), np.float32)

    def from_pixels(self, points: NDArray[np.floating]) -> FloatArray:
        """The way back: picture pixels (..., 2) -> [0, 1] across the square."""
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        turn = np.array([[cos, -sin], [sin, cos]])
        return np.asarray((points - np.array([self.x, self.y])) @ turn / self.side + 0.5, np.float32)


def sample_square(picture: Picture, square: Square, size: int) -> Picture:
    """The content of ``square`` as (size, size, 3) uint8; black beyond the picture.

    Large squares are first reduced by a whole factor, since bilinear sampling alone would alias. Only the
    part of the picture around the square is read.
    """
    factor = max(1, int(square.side / size))
    corners = square.to_pixels(np.array([[0, 0], [1, 0], [0, 1], [1, 1]]))
    part, origin = _around(picture, corners, factor)
    image = Image.fromarray(part)
    if factor > 1:
        image = image.reduce(factor)
    corners = np.asarray((corners - origin) / factor, np.float32)
    origin, across, down = corners[0], (corners[1] - corners[0]) / size, (corners[2] - corners[0]) / size
    coefficients = (across[0], down[0], origin[0], across[1], down[1], origin[1])
    turned = image.transform(
        (size, size), Image.Transform.AFFINE, coefficients, resample=Image.Resampling.BILINEAR
    )
    return np.asarray(turned)


def _around(picture: Picture, corners: FloatArray, factor: int) -> tuple[Picture, NDArray[np.int64]]:
    """The part of a picture that holds the corners, and where it begins: x, y, multiples of ``factor``."""
    most = np.array(picture.shape[1::-1])
    low = np.floor(corners.min(0) / factor - 1).astype(np.int64) * factor
    high = np.ceil(corners.max(0) / factor + 1).astype(np.int64) * factor
    low = low.clip(0, (most - 1) // factor * factor)
    high = np.minimum(high, most).clip(low + 1)
    return picture[low[1] : high[1], low[0] : high[0]], low


def to_network_input(picture: Picture, low: float, high: float) -> NDArray[np.float32]:
    """(H, W, 3) uint8 -> (1, 3, H, W) float32 with 0 mapped to ``low`` and 255 to ``high``."""
    scaled = picture.astype(np.float32) * ((high - low) / 255) + low
    return np.ascontiguousarray(scaled.transpose(2, 0, 1)[None])
