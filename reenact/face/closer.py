"""Faces far away in a large photo: looked for in parts of it, smaller ones until a face is found.

A detector sees whatever it is given in some hundred pixels; a face needs a dozen of them.
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
from reenact.types import Picture

LARGE = 640  # pixels of the longer side from which parts of a picture are worth a look
STEP = 2.5  # from one size of parts to the next
OVERLAP = 0.2  # of neighbouring parts: what is larger was seen in the larger parts
MOST = 32  # faces of one size of parts that are gone into, the largest


class Detector(Protocol):
    """What finds boxes: ``FaceDetector`` and ``FanDetector``.

    ``closest`` is the side in pixels below which parts of a picture are not looked at; None means that halves
    are enough.
    """

    @property
    def closest(self) -> int | None:
        """See above."""

    def __call__(self, picture: Picture) -> list[Detection]:
        """All faces, best score first."""

    def look(self, picture: Picture) -> list[Detection]:
        """The same in a hurry, for one of many parts."""


def closer_looks(picture: Picture, detector: Detector) -> Iterator[list[Detection]]:
    """What a detector finds in parts of a large picture, size by size of the parts; largest faces first."""
    longer = max(picture.shape[:2])
    sides = [longer // 2] if longer >= LARGE else []
    while detector.closest and sides and sides[-1] > STEP / 2 * detector.closest:
        sides.append(max(detector.closest, round(sides[-1] / STEP)))
    for side in sides:
        found = [
            moved(each, left, top)
            for top, left in product(*(_starts(length, side) for length in picture.shape[:2]))
            for each in detector.look(picture[top : top + side, left : left + side])
        ]
        yield _distinct(found)[:MOST]


def _starts(length: int, side: int) -> list[int]:
    rest = max(0, length - side)
    return [round(at) for at in np.linspace(0, rest, 1 + ceil(rest / (side * (1 - OVERLAP))))]


def moved(found: Detection, left: int, top: int, factor: int = 1) -> Detection:
    """From pixels of a part, or of a picture reduced by a whole factor, to those of the picture."""
    x0, y0, x1, y1 = found.box
    box = ((x0 + left) * factor, (y0 + top) * factor, (x1 + left) * factor, (y1 + top) * factor)
    return replace(found, box=box, eyes=(found.eyes + np.array([left, top], np.float32)) * factor)


def _distinct(found: list[Detection]) -> list[Detection]:
    """Each face once, as it was seen best; the largest first."""
    kept: list[Detection] = []
    for each in sorted(found, key=lambda one: -one.score):
        if not any(_same(each, other) for other in kept):
            kept.append(each)
    return sorted(kept, key=lambda one: one.box[0] - one.box[2])


def _same(one: Detection, other: Detection) -> bool:
    """Whether the middle of one box lies in the other."""
    x, y = (one.box[0] + one.box[2]) / 2, (one.box[1] + one.box[3]) / 2
    return other.box[0] < x < other.box[2] and other.box[1] < y < other.box[3]
