"""Views of a picture for a face detector: whole, rotated, and in tiles of several sizes for distant faces.

The input of the detector has 192 pixels, and a face needs about 12 of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from math import ceil
from typing import Protocol

import numpy as np
from PIL import Image

from reenact.face.detector import INPUT_SIZE, Detection
from reenact.face.square_sampling import Square, sample_square
from reenact.types import Picture

MIN_TILED_SIDE = 640  # pixels of the longer side from which a picture is tiled
MIN_REDUCED_SIDE = 1280  # pixels of the longer side from which a picture may be reduced for the detector
TILE_SCALE_STEP = 2.5  # ratio of successive tile sizes
TILE_OVERLAP = 0.2  # of neighbouring tiles; larger faces were found in larger tiles
MAX_TILES = 270  # of one size; each takes 3 to 4 ms of one core
MAX_FACES = 32  # faces kept for one tile size, the largest
_TURNED_SIZE = 768  # pixels of a rotated view


class Detector(Protocol):
    """Interface of ``FaceDetector`` and ``FanDetector``."""

    @property
    def min_tile_side(self) -> int | None:
        """Side of the smallest useful tile in pixels; None: no tiles smaller than half the picture."""

    def __call__(self, picture: Picture) -> list[Detection]:
        """All faces, best score first."""

    def detect_once(self, picture: Picture) -> list[Detection]:
        """The same with a single pass, for one of many tiles."""


class Views:
    """Detections in views of one picture, in pixels of the picture.

    A large picture is reduced once for all views; at 48 megapixels each view would take 0.1 s.
    """

    def __init__(self, picture: Picture, detector: Detector) -> None:
        """``picture`` (H, W, 3) uint8."""
        self.picture, self._detector = picture, detector
        sides = _tile_sides(picture.shape[:2], detector.min_tile_side)
        longer = max(picture.shape[:2])
        self._factor = (
            max(1, min(sides[-1] // INPUT_SIZE, longer // MIN_REDUCED_SIDE))
            if detector.min_tile_side and sides
            else 1
        )
        self._small = picture
        if self._factor > 1:
            self._small = np.asarray(Image.fromarray(picture).reduce(self._factor))
        self._sides = [side // self._factor for side in sides]

    def whole(self, angle: float = 0.0) -> list[Detection]:
        """Detections in the whole picture, rotated back by ``angle``, clockwise radians."""
        found = self._turned(angle) if angle else self._detector(self._small)
        return [_to_picture(each, 0, 0, self._factor) for each in found]

    def tiles(self) -> Iterator[list[Detection]]:
        """Detections in tiles of a large picture, one list for each tile size, largest faces first."""
        for side in self._sides:
            found = [
                _to_picture(each, left, top, self._factor)
                for top, left in _tile_corners(self._small.shape[:2], side)
                for each in self._detector.detect_once(self._small[top : top + side, left : left + side])
            ]
            yield _deduplicate(found)[:MAX_FACES]

    def _turned(self, angle: float) -> Iterator[Detection]:
        height, width = self._small.shape[:2]
        longer = max(width, height)
        square, size = Square(width / 2, height / 2, longer, angle), min(_TURNED_SIZE, longer)
        for found in self._detector(sample_square(self._small, square, size)):
            low, high = np.reshape(found.box, (2, 2))
            middle, reach = square.to_pixels((low + high) / 2 / size), (high - low) / 2 / size * longer
            x0, y0, x1, y1 = (float(value) for value in (*(middle - reach), *(middle + reach)))
            yield replace(found, box=(x0, y0, x1, y1), eyes=square.to_pixels(found.eyes / size))


def _tile_sides(shape: tuple[int, ...], least: int | None) -> list[int]:
    """Tile sizes in pixels: from half the longer side down to ``least``, while the tiles are few enough."""
    longer = max(shape)
    sides = [longer // 2] if longer >= MIN_TILED_SIDE else []
    while least and sides and sides[-1] > TILE_SCALE_STEP / 2 * least:
        side = max(least, round(sides[-1] / TILE_SCALE_STEP))
        if len(_tile_corners(shape, side)) > MAX_TILES:
            break
        sides.append(side)
    return sides


def _tile_corners(shape: tuple[int, ...], side: int) -> list[tuple[int, int]]:
    """Top and left of all square tiles."""
    rows, columns = (_tile_starts(length, side) for length in shape)
    return list(product(rows, columns))


def _tile_starts(length: int, side: int) -> list[int]:
    rest = max(0, length - side)
    return [round(at) for at in np.linspace(0, rest, 1 + ceil(rest / (side * (1 - TILE_OVERLAP))))]


def _to_picture(found: Detection, left: int, top: int, factor: int = 1) -> Detection:
    """From pixels of a tile, or of a picture reduced by a whole factor, to pixels of the picture."""
    x0, y0, x1, y1 = found.box
    box = ((x0 + left) * factor, (y0 + top) * factor, (x1 + left) * factor, (y1 + top) * factor)
    return replace(found, box=box, eyes=(found.eyes + np.array([left, top], np.float32)) * factor)


def _deduplicate(found: list[Detection]) -> list[Detection]:
    """Each face once, its best detection; largest first."""
    kept: list[Detection] = []
    for each in sorted(found, key=lambda one: -one.score):
        if not any(_same(each, other) for other in kept):
            kept.append(each)
    return sorted(kept, key=lambda one: one.box[0] - one.box[2])


def _same(one: Detection, other: Detection) -> bool:
    """Whether the middle of one box lies in the other."""
    x, y = (one.box[0] + one.box[2]) / 2, (one.box[1] + one.box[3]) / 2
    return other.box[0] < x < other.box[2] and other.box[1] < y < other.box[3]
