"""Placement of the animated square in the result, with its alpha mask."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from reenact.types import Crop, FloatArray, Picture

BORDER = 0.14  # width of the fade at its edges, as a share of the side
_CORNERS = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])  # of a square in crop units, clockwise


@dataclass(frozen=True)
class Placement:
    """The part of the result that a square covers.

    ``rows`` and ``columns`` of the result; ``alpha`` (h, w) float32 in [0, 1] is the alpha mask;
    ``render`` maps a square (S, S, 3) uint8 to this part, (h, w, 3) uint8.
    """

    rows: slice
    columns: slice
    alpha: FloatArray
    render: Callable[[Picture], Picture]


def place_upright(left: int, top: int, side: int, size: tuple[int, int]) -> Placement:
    """A square on whole pixels of a result of ``size`` (width, height)."""
    columns, inside_columns, across = _overlap(left, side, size[0])
    rows, inside_rows, down = _overlap(top, side, size[1])

    def render(square: Picture) -> Picture:
        return square[inside_rows, inside_columns]

    return Placement(rows, columns, np.minimum(down[:, None], across), render)


def place_rotated(crop: Crop, side: int, size: tuple[int, int]) -> Placement:
    """A rotated square, ``crop`` in pixels of the result, rendered ``side`` pixels wide: resampled once."""
    corners = crop.to_pixels(_CORNERS)
    left, top = (max(math.floor(low), 0) for low in corners.min(0).tolist())
    right, bottom = (
        min(math.ceil(high), most) for high, most in zip(corners.max(0).tolist(), size, strict=True)
    )
    across, down = np.arange(left, right) + 0.5, np.arange(top, bottom) + 0.5
    place = crop.to_units(np.stack(np.meshgrid(across, down), -1))
    pixels = np.array([[left, top], [left + 1, top], [left, top + 1]])
    origin, one_right, one_down = (crop.to_units(pixels).astype(np.float64) + 1) / 2 * side
    x, y = (one_right - origin), (one_down - origin)
    coefficients = (x[0], y[0], origin[0], x[1], y[1], origin[1])

    def render(square: Picture) -> Picture:
        laid = Image.fromarray(square).transform(
            (right - left, bottom - top), Image.Transform.AFFINE, coefficients, Image.Resampling.BICUBIC
        )
        return np.asarray(laid)

    alpha = _fade_mask(place, corners, size)
    return Placement(slice(top, bottom), slice(left, right), alpha, render)


def _fade_mask(place: FloatArray, corners: FloatArray, size: tuple[int, int]) -> FloatArray:
    """Weights of pixels at ``place`` (h, w, 2) in crop units: (h, w).

    They fade towards each side of the square, but not towards one that lies beyond the result from end to
    end: there is nothing to fade into.
    """
    along, most = np.linspace(0, 1, 65)[:, None], np.array(size) - 1
    sides = (
        start + (end - start) * along for start, end in zip(corners, np.roll(corners, -1, 0), strict=True)
    )
    fades = [bool(((side > 1) & (side < most)).all(-1).any()) for side in sides]
    x, y = place[..., 0], place[..., 1]
    away = np.stack([1 + y, 1 - x, 1 - y, 1 + x]) / 2  # from the upper, right, lower and left side
    weight = np.minimum(1, away / BORDER)[fades].min(0, initial=1) * (away > 0).all(0)
    return _smoothstep(weight)


def _overlap(start: int, side: int, length: int) -> tuple[slice, slice, FloatArray]:
    """Along one axis: the overlap in the picture, in the square, and the weights (n,) of the latter.

    A side of the square at or beyond the picture's edge does not fade: there is nothing to fade into.
    """
    first, last = max(start, 0), min(start + side, length)
    position = np.arange(first - start, last - start) + 0.5
    fade = max(1.0, BORDER * side)
    near = np.ones_like(position) if start <= 0 else np.minimum(1, position / fade)
    far = np.ones_like(position) if start + side >= length else np.minimum(1, (side - position) / fade)
    return slice(first, last), slice(first - start, last - start), _smoothstep(np.minimum(near, far))


def _smoothstep(weight: NDArray[np.floating]) -> FloatArray:
    return np.asarray(weight * weight * (3 - 2 * weight), np.float32)
