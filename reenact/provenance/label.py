"""The visible label: a small pill in a corner, drawn once for a clip and blended into every frame.

labels/<language>.png (see ``lettering``) -> scaled to the frame -> a corner without a face -> frames
"""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from PIL import Image

from reenact.errors import InvalidOption
from reenact.types import Picture

Language = Literal["en", "nl", "ar"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
LABELS = Path(__file__).parent / "labels"
_RIGHT_TO_LEFT = {"ar"}
_HEIGHT = 1 / 20  # of the frame's side, if it were a square of the same area
_LEAST = 20  # pixels of height; below that nobody reads it
_WIDEST = 0.6  # of the frame's width; a frame too narrow for the least height gets a smaller label
_MARGIN = 0.4  # of the label's height
_FACE_MARGIN = 0.15  # of a face's size, by which it may leave its place on each side

Box = tuple[float, float, float, float]


class Label:
    """Puts the label of one language into the frames of one clip."""

    def __init__(self, language: Language, size: tuple[int, int], faces: list[Box]) -> None:
        """Scale the label and choose its corner.

        Args:
            language: of its words.
            size: width and height of the frames in pixels.
            faces: x0, y0, x1, y1 of what it should not cover, in pixels of the frames.

        Raises:
            InvalidOption: there is no label in this language.
        """
        if language not in LANGUAGES:
            raise InvalidOption(f"Labels exist in {', '.join(LANGUAGES)}, not in {language!r}.")
        drawn = _scaled(_open(language), size)
        self.box = _corner(drawn.size, size, faces, language in _RIGHT_TO_LEFT)
        light, opacity = (np.asarray(band, np.float32)[..., None] for band in drawn.split())
        self._background_weight = np.asarray(1 - opacity / 255, np.float32)
        self._label_light = np.asarray(
            light * opacity / 255 + 0.5, np.float32
        )  # what is cut to levels is rounded

    def blend(self, frame: Picture) -> Picture:
        """The frame (H, W, 3) uint8 with the label; a new array."""
        left, top, right, bottom = self.box
        labelled = frame.copy()
        labelled[top:bottom, left:right] = (
            frame[top:bottom, left:right] * self._background_weight + self._label_light
        )
        return labelled


@cache
def _open(language: str) -> Image.Image:
    """Grey and opacity, large."""
    with Image.open(LABELS / f"{language}.png") as image:
        return image.convert("LA")


def _scaled(label: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The label at the height that suits frames of this size."""
    width, height = size
    wanted = max(_LEAST, math.sqrt(width * height) * _HEIGHT)
    height = max(2, round(min(wanted, width * _WIDEST * label.height / label.width, height / 2)))
    width = max(2, round(label.width * height / label.height))
    return label.resize((min(width, size[0]), min(height, size[1])), Image.Resampling.LANCZOS)


def _corner(
    label: tuple[int, int], size: tuple[int, int], faces: list[Box], from_right: bool
) -> tuple[int, int, int, int]:
    """The corner where it covers least of the faces; of equals the lower one where reading begins."""
    margin = round(_MARGIN * label[1])
    left, right = _ends(size[0], label[0], margin)[:: -1 if from_right else 1]
    top, bottom = _ends(size[1], label[1], margin)
    corners = [(x, y, x + label[0], y + label[1]) for y in (bottom, top) for x in (left, right)]
    grown = [_with_margin(face) for face in faces]
    return min(corners, key=lambda corner: sum(_overlap_area(corner, face) for face in grown))


def _ends(length: int, label: int, margin: int) -> tuple[int, int]:
    """Where the label begins along one axis when it lies at either end."""
    margin = min(margin, (length - label) // 2)
    return margin, length - label - margin


def _with_margin(face: Box) -> Box:
    """A face's box with the room it moves in."""
    x, y = _FACE_MARGIN * (face[2] - face[0]), _FACE_MARGIN * (face[3] - face[1])
    return face[0] - x, face[1] - y, face[2] + x, face[3] + y


def _overlap_area(one: Box, other: Box) -> float:
    """The area that two boxes share."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(width, 0.0) * max(height, 0.0)
