"""Pasting of the animated square into the whole photo."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from reenact.compose.placing import place_rotated, place_upright
from reenact.types import Crop, FloatArray, Picture

LARGEST = 1920  # pixels of the longer side of a result
LARGEST_PER_SIZE = 5  # limits the enlargement of pictures with a small face


class Canvas:
    """The still picture at the size of the result, and the placement of the animated square.

    The picture is scaled so that its crop has the asked-for side and lies on whole pixels: then pasting is a
    blend and no resampling. Only where that would make the picture too large is the square reduced. A rotated
    square is rotated back when it is pasted.
    """

    def __init__(self, picture: Picture, crop: Crop, size: int) -> None:
        """``picture`` (H, W, 3) uint8; ``crop`` the animated square in it; ``size`` its side in pixels."""
        height, width = picture.shape[:2]
        largest = min(LARGEST, LARGEST_PER_SIZE * size)
        self._side = max(2, math.floor(min(size, crop.side * largest / max(height, width))))
        scale = self._side / crop.side
        left, top = math.floor(crop.left * scale), math.floor(crop.top * scale)
        origin_x, origin_y = crop.left - left / scale, crop.top - top / scale
        self._scale, self._origin = scale, np.array([origin_x, origin_y])
        columns, rows = _even((width - origin_x) * scale), _even((height - origin_y) * scale)
        box = (
            origin_x,
            origin_y,
            min(width, origin_x + columns / scale),
            min(height, origin_y + rows / scale),
        )
        resized = Image.fromarray(picture).resize((columns, rows), Image.Resampling.LANCZOS, box=box)
        self._still = np.asarray(resized)
        if crop.angle:
            x, y = (float(value) for value in self.to_result(np.array([crop.left, crop.top])))
            placed = place_rotated(Crop(x, y, self._side, crop.angle), self._side, self.size)
        else:
            placed = place_upright(left, top, self._side, self.size)
        self._render, self._rows = placed.render, placed.rows
        self._columns = slice(3 * placed.columns.start, 3 * placed.columns.stop)
        self._alpha = np.rint(256 * placed.alpha).astype(np.uint16).repeat(3, 1)
        still = _as_columns(self._still)[self._rows, self._columns]
        self._background: NDArray[np.uint16] = still * (256 - self._alpha) + np.uint16(128)  # half, to round

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the result in pixels, both even."""
        return self._still.shape[1], self._still.shape[0]

    @property
    def still(self) -> Picture:
        """The picture at the size of the result."""
        return self._still

    @property
    def scale(self) -> float:
        """Pixels of the result to one of the picture."""
        return float(self._scale)

    def to_result(self, points: NDArray[np.floating]) -> FloatArray:
        """Picture pixels (..., 2) -> pixels of the result (..., 2) float32."""
        return np.asarray((points - self._origin) * self._scale, np.float32)

    def paste(self, square: Picture) -> Picture:
        """The whole picture with the animated square (S, S, 3) uint8 in it."""
        if len(square) != self._side:
            reduced = Image.fromarray(square).resize((self._side, self._side), Image.Resampling.BOX)
            square = np.asarray(reduced)
        # Integers, 256 being 1.0, channels as columns: floats and an axis of three take five times as long.
        moving = _as_columns(self._render(square)) * self._alpha
        moving += self._background
        moving >>= 8
        result = self._still.copy()
        _as_columns(result)[self._rows, self._columns] = moving
        return result


def _as_columns(picture: Picture) -> NDArray[np.uint8]:
    """(H, W, 3) as (H, 3 W)."""
    return picture.reshape(len(picture), -1)


def _even(length: float) -> int:
    """Rounded down to an even number, as H.264 wants it; at least 2."""
    return max(2, math.floor(length + 1e-6) // 2 * 2)
