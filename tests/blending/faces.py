"""A painted face whose landmarks, skin and light are known."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from reenact.blending.mask import BROWS, NOSE, OVAL
from reenact.landmarks import MESH_INDICES
from reenact.types import FloatArray, Picture

SIZE = 256
SKIN = (205.0, 160.0, 140.0)
LIPS = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)
EYES = (33, 160, 158, 133, 153, 144), (362, 385, 387, 263, 373, 380)


def landmarks(size: int = SIZE, width: float = 0.28, height: float = 0.36, turn: float = 0.0) -> FloatArray:
    """(478, 2) of an upright face; ``turn`` moves what lies inside the outline, as a turned head does."""
    points = np.full((478, 2), 0.5)
    points[list(OVAL)] += _ring(len(OVAL), width, height)
    rings = [(NOSE, 0, 0.03, 0.04, 0.09), (LIPS, 0, 0.19, 0.1, 0.035)]
    for side, eye, brow in ((-1, EYES[0], BROWS[0]), (1, EYES[1], BROWS[1])):
        rings += [(eye, 0.12 * side, -0.07, 0.055, 0.02), (brow, 0.12 * side, -0.13, 0.075, 0.016)]
    for ring, x, y, wide, high in rings:
        points[list(ring)] += np.array([x + turn, y]) * (width / 0.28) + _ring(len(ring), wide, high)
    cheeks = {50: (-0.14, 0.06), 101: (-0.1, 0.02), 205: (-0.12, 0.1), 151: (0, -0.22), 9: (0, -0.15)}
    for index, place in (cheeks | {280: (0.14, 0.06), 330: (0.1, 0.02), 425: (0.12, 0.1)}).items():
        points[index] += np.add(place, (turn, 0))
    for index, place in {
        108: (-0.06, -0.2),
        337: (0.06, -0.2),
        1: (0, 0.05),
        4: (0, 0.04),
        5: (0, 0.02),
    }.items():
        points[index] += np.add(place, (turn, 0))
    return (points * size).astype(np.float32)


def driven(points: FloatArray, size: int = SIZE) -> FloatArray:
    """The landmarks that travel with keypoints (L, 2), in crop units."""
    return points[list(MESH_INDICES)] * np.float32(2 / size) - 1


def painted(skin: tuple[float, float, float] = SKIN, beard: bool = False) -> Picture:
    """(256, 256, 3) of such a face; its surroundings are green."""
    points = landmarks()
    image = Image.new("RGB", (SIZE, SIZE), (40, 120, 60))
    draw = ImageDraw.Draw(image)

    def fill(indices: tuple[int, ...], colour: tuple[float, ...]) -> None:
        draw.polygon([(x, y) for x, y in points[list(indices)].tolist()], fill=tuple(map(round, colour)))

    fill(OVAL, skin)
    if beard:
        draw.rectangle((84, 166, 172, 230), fill=(45, 35, 30))
    for indices in (*BROWS, *EYES):
        fill(indices, tuple(0.3 * value for value in skin))
    fill(LIPS, (0.9 * skin[0], 0.55 * skin[1], 0.6 * skin[2]))
    return np.asarray(image)


def _ring(count: int, width: float, height: float) -> FloatArray:
    """Points around an ellipse, clockwise from its top."""
    angles = 2 * np.pi * np.arange(count) / count
    return np.stack([width * np.sin(angles), -height * np.cos(angles)], 1).astype(np.float32)
