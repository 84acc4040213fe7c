"""Pasting of several animated squares into one photo, each pixel from the nearest face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from reenact.compose.canvas import Canvas
from reenact.compose.placing import Placement, place_rotated, place_upright
from reenact.types import Crop, FloatArray, Picture

BORDER = 0.12  # half the width of the soft border between two faces, in sides of a square / 2


@dataclass(frozen=True)
class _Part:
    """Where one square lies, its side in pixels, and its weights (h, 3 w) uint16, of which 256 is all."""

    placed: Placement
    side: int
    weights: NDArray[np.uint16]


class GroupCanvas:
    """A still picture with several squares in it; squares of neighbours overlap.

    Each pixel belongs to the face that is nearest, measured in sides of its square, with a soft border
    between two. So no square shows, unmoved, the neighbour's face that was cut out with it.
    """

    def __init__(self, picture: Picture, crops: Sequence[Crop], size: int) -> None:
        """``picture`` (H, W, 3) uint8; the first of ``crops`` is ``size`` pixels wide where that fits."""
        self._canvas = Canvas(picture, crops[0], size)
        self._still = self._canvas.still
        inside = [self._in_result(crop) for crop in crops]
        self.sides = [max(2, min(size, int(crop.side + 1e-3))) for crop in inside]
        placed = [_place(crop, side, self.size) for crop, side in zip(inside, self.sides, strict=True)]
        weights = _weights(placed, inside, self.size)
        self._parts = [
            _Part(each, side, weights[number, each.rows, each.columns].repeat(3, 1))
            for number, (each, side) in enumerate(zip(placed, self.sides, strict=True))
        ]
        left = np.uint16(256) - weights.sum(0, dtype=np.uint16)
        half = np.uint16(128)  # to round
        self._background: NDArray[np.uint16] = self._still * left[..., None] + half

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the result in pixels, both even."""
        return self._canvas.size

    def to_result(self, points: NDArray[np.floating]) -> FloatArray:
        """Picture pixels (..., 2) -> pixels of the result (..., 2) float32."""
        return self._canvas.to_result(points)

    def paste(self, squares: Sequence[Picture]) -> Picture:
        """The whole picture with the squares (S, S, 3) uint8 in it, in the order of the crops."""
        result = self._background.copy()
        for square, part in zip(squares, self._parts, strict=True):
            if len(square) != part.side:
                reduced = Image.fromarray(square).resize((part.side, part.side), Image.Resampling.BOX)
                square = np.asarray(reduced)
            shown = part.placed.render(square)
            where = result[part.placed.rows, part.placed.columns]
            where += (shown.reshape(len(shown), -1) * part.weights).reshape(shown.shape)
        return (result >> 8).astype(np.uint8)

    def _in_result(self, crop: Crop) -> Crop:
        """A crop of the picture in pixels of the result."""
        centre_x, centre_y = self.to_result(np.array(crop.centre)).tolist()
        side = crop.side * self._canvas.scale
        return Crop(centre_x - side / 2, centre_y - side / 2, side, crop.angle)


def _place(crop: Crop, side: int, size: tuple[int, int]) -> Placement:
    """A square in the result: on whole pixels where it lies on them, else resampled."""
    corner = np.array([crop.left, crop.top, crop.side])
    if not crop.angle and np.abs(corner - np.rint(corner)).max() < 0.01 and side == round(crop.side):
        return place_upright(round(crop.left), round(crop.top), side, size)
    return place_rotated(crop, side, size)


def _weights(placed: Sequence[Placement], crops: Sequence[Crop], size: tuple[int, int]) -> NDArray[np.uint16]:
    """How far each square is shown at each pixel: (N, H, W) uint16; they add up to 256 at most."""
    width, height = size
    pixels = np.stack(np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5), -1)
    away = np.stack([np.linalg.norm(crop.to_units(pixels), axis=-1) for crop in crops])
    shares = np.empty_like(away)
    for number, own in enumerate(away):
        others = np.delete(away, number, 0).min(0)
        share = (0.5 + (others - own) / (4 * BORDER)).clip(0, 1)
        shares[number] = share * share * (3 - 2 * share)
    shares /= np.maximum(shares.sum(0), 1)
    for share, each in zip(shares, placed, strict=True):
        alpha = np.zeros_like(share)
        alpha[each.rows, each.columns] = each.alpha
        share *= alpha
    whole = np.rint(256 * np.cumsum(shares, 0)).clip(0, 256)
    return np.asarray(np.diff(whole, axis=0, prepend=0), np.uint16)
