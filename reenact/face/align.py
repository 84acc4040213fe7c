"""The choice of a face, and the square crop around it that the model expects."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from PIL import Image

from reenact.errors import FaceIndexOutOfRange, FaceTooSmall, InvalidOption, NoFaceFound
from reenact.face.soften import soften
from reenact.types import Crop, Face, Picture, rotate_points

# The training crops, measured with this mesh: 1.88 face heights, the face's middle 0.045 below the centre.
CROP_PER_FACE = 1.88
CENTRE_ABOVE_FACE = 0.045
MAX_UNROTATED_ROLL = math.radians(12)  # the crop of a head tilted less than this is not rotated
MIN_FACE = 32  # pixels of height; below that there is nothing to animate

MOST_FACES = 8  # of one picture or clip at once

FaceChoice = int | Literal["largest"]
FacesChoice = FaceChoice | Literal["all"] | tuple[int, ...]


def choose(faces: list[Face], which: FaceChoice = "largest") -> Face:
    """One of the faces of a picture, which ``FaceFinder.find`` gives largest first.

    Args:
        faces: all faces found.
        which: ``largest``, or the position from 0 (largest) on.

    Raises:
        NoFaceFound: ``faces`` is empty.
        FaceIndexOutOfRange: there is no such position.
        FaceTooSmall: the chosen face is lower than 32 pixels.
    """
    if not faces:
        raise NoFaceFound(
            "No face was found in the picture. Use one that shows a single face from the front, well lit, "
            "not covered and at least 64 pixels high. If the photo lies on its side, rotate it."
        )
    index = 0 if which == "largest" else which
    if not 0 <= index < len(faces):
        raise FaceIndexOutOfRange(
            f"There is no face {index}: {_count(len(faces))}, numbered from 0, largest first."
        )
    face = faces[index]
    if face.height < MIN_FACE:
        raise FaceTooSmall(
            f"The face is only {face.height:.0f} pixels high; at least {MIN_FACE} are needed. "
            "Use a larger picture or crop it closer to the face before it is scaled down."
        )
    return face


def choose_several(faces: list[Face], which: FacesChoice) -> dict[int, Face]:
    """Some faces of a picture by their position, in the order of positions.

    Args:
        faces: all faces found, largest first.
        which: as for ``choose``; ``all`` that are large enough; or several positions.

    Raises:
        InvalidOption: they are more than 8, none, or one is named twice.
        InputError: as from ``choose``.
    """
    if which == "largest" or isinstance(which, int):
        return {0 if which == "largest" else which: choose(faces, which)}
    if which == "all":
        large = [place for place, face in enumerate(faces) if face.height >= MIN_FACE]
        positions = tuple(large or [0])
    else:
        positions = tuple(which)
    check_positions(positions, "face")
    return {position: choose(faces, position) for position in sorted(positions)}


def check_positions(positions: Sequence[int], what: str) -> None:
    """Raise InvalidOption where there are more than 8, none, or one twice; ``what``: face or person."""
    if not positions:
        raise InvalidOption(f"No {what} is named. Name at least one, by its number from 0 on.")
    if len(positions) > MOST_FACES:
        raise InvalidOption(
            f"{len(positions)} faces are too many at once; at most {MOST_FACES} are possible. Name fewer, by "
            "their numbers from 0 on."
        )
    twice = sorted({each for each in positions if list(positions).count(each) > 1})
    if twice:
        raise InvalidOption(f"The {what} {twice[0]} is named twice. Name each once.")


def crop_angle(roll: float) -> float:
    """Rotation of the crop for a head of this roll: 0 up to 12 degrees, the full roll beyond.

    The networks were trained with slightly tilted heads, and an upright crop needs no extra resampling.
    """
    return roll if abs(roll) > MAX_UNROTATED_ROLL else 0.0


def align(face: Face, angle: float | None = None) -> Crop:
    """The square crop around a face, as in training; it may reach beyond the picture.

    Args:
        face: with its landmarks.
        angle: rotation of the square; None: by the roll of the face, see ``crop_angle``.
    """
    angle = crop_angle(face.roll) if angle is None else angle
    points = rotate_points(face.landmarks[:468], -angle) if angle else face.landmarks[:468]
    low, high = points.min(0), points.max(0)
    size = float((high - low).max())
    centre = (low + high) / 2 - np.array([0, CENTRE_ABOVE_FACE * size])
    centre = rotate_points(centre, angle) if angle else centre
    side = CROP_PER_FACE * size
    return Crop(float(centre[0]) - side / 2, float(centre[1]) - side / 2, side, angle)


def extract_crop(picture: Picture, crop: Crop, size: int) -> Picture:
    """The crop's content as (size, size, 3) uint8; beyond the picture it is blurred, see ``soften``."""
    if crop.angle:
        return _extract_rotated_crop(picture, crop, size)
    left, top = math.floor(crop.left), math.floor(crop.top)
    right, bottom = math.ceil(crop.left + crop.side), math.ceil(crop.top + crop.side)
    height, width = picture.shape[:2]
    beyond = left < 0 or top < 0 or right > width or bottom > height
    if beyond:
        rows, columns = np.arange(top, bottom).clip(0, height - 1), np.arange(left, right).clip(0, width - 1)
        region = picture[np.ix_(rows, columns)]
    else:
        region = picture[top:bottom, left:right]
    box = (crop.left - left, crop.top - top, crop.left - left + crop.side, crop.top - top + crop.side)
    image = Image.fromarray(region).resize((size, size), Image.Resampling.BICUBIC, box=box)
    if not beyond:
        return np.asarray(image)
    corners = np.array([[0, 0], [width, height]])
    (x0, y0), (x1, y1) = ((crop.to_units(corners) + 1) / 2 * size).tolist()
    return soften(image, (x0, y0, x1, y1))


def _extract_rotated_crop(picture: Picture, crop: Crop, size: int) -> Picture:
    """``extract_crop`` for a rotated square: its upright surroundings are rotated, then reduced."""
    reach = crop.side * (abs(math.cos(crop.angle)) + abs(math.sin(crop.angle))) / 2 + 2
    fewer = max(1, int(crop.side / size / 2))  # picture pixels to one that is turned
    side = math.ceil(2 * reach / fewer) * fewer
    left, top = (round(middle - side / 2) for middle in crop.centre)
    around = Image.fromarray(extract_crop(picture, Crop(left, top, side), side // fewer))
    corners = (crop.to_pixels(np.array([[-1, -1], [1, -1], [-1, 1]])) - np.array([left, top])) / fewer
    pixels = max(size, round(crop.side / fewer))
    (x, y), right, down = corners[0], (corners[1] - corners[0]) / pixels, (corners[2] - corners[0]) / pixels
    upright = around.transform(
        (pixels, pixels),
        Image.Transform.AFFINE,
        (right[0], down[0], x, right[1], down[1], y),
        Image.Resampling.BICUBIC,
    )
    return np.asarray(upright.resize((size, size), Image.Resampling.BICUBIC))


def _count(number: int) -> str:
    return "one face was found" if number == 1 else f"{number} faces were found"
