"""Upper teeth and gums as a frontal strip: from a small bank, or the selfie's own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from reenact.config import TEETH
from reenact.mouth.shading import blur, polygon, smoothstep
from reenact.types import FloatArray, Picture

EYE_DISTANCE = 400  # strip pixels between the outer eye corners
WIDTH, HEIGHT = 288, 176  # of a strip; the middle column is the midline of the teeth
WHITE = 235  # level to which the brightest teeth of a strip are scaled
INNER_LIPS = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95)
"""Mesh indices around the opening of the mouth: from the person's right corner along the upper lip."""
EYE_CORNERS = (33, 263)
_GUM = (196.0, 118.0, 116.0)
_CENTRE = slice(WIDTH // 2 - 30, WIDTH // 2 + 30)  # columns of the incisors
_MIN_SIZE = 0.06, 0.025  # least height in eye distances, and least area in their square, of usable teeth


@dataclass(frozen=True)
class Teeth:
    """A strip of upper teeth.

    ``picture`` is (HEIGHT, WIDTH, 4) uint8, RGBA; ``edge`` is the row of the incisors' biting edge; ``width``
    is the visible row's width in eye distances. ``brightness`` is that of the teeth in their original
    picture, over ``WHITE``.
    """

    picture: Picture
    edge: float
    width: float
    brightness: float = 1.0


@lru_cache(maxsize=1)
def teeth_bank() -> tuple[Teeth, ...]:
    """The teeth of the package, narrowest first."""
    return tuple(sorted((_read(file) for file in sorted(TEETH.glob("*.png"))), key=lambda each: each.width))


def nearest_teeth(width: float) -> Teeth:
    """The teeth of the bank whose row is nearest in width to ``width``, in eye distances."""
    return min(teeth_bank(), key=lambda each: abs(each.width - width))


def extract_teeth(picture: Picture, landmarks: FloatArray, below: float = 0.0) -> Teeth | None:
    """The upper teeth that a picture shows, scaled to ``WHITE``; None if too little of them is visible.

    Args:
        picture: (H, W, 3) uint8.
        landmarks: (478, 2) in picture pixels.
        below: rows between the teeth's end and the lowest bright row, if lower teeth are visible too.
    """
    matrix, origin = strip_transform(landmarks)
    colours = _warp_to_strip(picture, matrix, origin)
    ring = (landmarks[list(INNER_LIPS)] - origin) @ matrix.T + np.array([WIDTH, HEIGHT]) / 2
    alpha, white = _teeth_mask(colours, polygon(ring, WIDTH, HEIGHT))
    rows = np.flatnonzero(alpha[:, _CENTRE].mean(1) > 0.5)
    high, large = _MIN_SIZE
    if len(rows) < high * EYE_DISTANCE or alpha.sum() < large * EYE_DISTANCE**2:
        return None
    edge = float(rows.max()) - below
    if below:
        y, x = np.mgrid[:HEIGHT, :WIDTH]
        alpha = alpha * (1 - smoothstep(y - edge + 0.0012 * (x - WIDTH / 2) ** 2, -1, 2))
    columns = np.flatnonzero(alpha.max(0) > 0.5)
    brightness = white / WHITE
    strip = _with_gums(colours / brightness, alpha, edge)
    return Teeth(strip, edge, len(columns) / EYE_DISTANCE, brightness)


def strip_transform(landmarks: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The similarity (2, 2) from picture to strip pixels, and the point (2,) mapped to the strip's middle."""
    right, left = (landmarks[index] for index in EYE_CORNERS)
    x, y = (left - right) / np.square(left - right).sum() * EYE_DISTANCE
    return np.array([[x, y], [-y, x]], np.float32), (landmarks[13] + landmarks[14]) / 2


def _warp_to_strip(picture: Picture, matrix: FloatArray, origin: FloatArray) -> FloatArray:
    """The part of a picture around ``origin`` as a strip (HEIGHT, WIDTH, 3)."""
    back = np.linalg.inv(matrix)
    shift = origin - back @ (np.array([WIDTH, HEIGHT]) / 2)
    coefficients = (back[0, 0], back[0, 1], shift[0], back[1, 0], back[1, 1], shift[1])
    strip = Image.fromarray(picture).transform(
        (WIDTH, HEIGHT), Image.Transform.AFFINE, tuple(map(float, coefficients)), Image.Resampling.BICUBIC
    )
    return np.asarray(strip, np.float32)


def _teeth_mask(colours: FloatArray, inside: FloatArray) -> tuple[FloatArray, float]:
    """Mask of the teeth in [0, 1] and their brightness: teeth are bright and hardly red, inside the lips."""
    bright = colours.mean(-1)
    seen = bright[inside > 0.9]
    if not len(seen):
        return np.zeros_like(inside), 1.0
    white = max(float(np.percentile(seen, 90)), 1.0)
    warmth = colours[..., 1] / (colours[..., 0] + 1), colours[..., 2] / (colours[..., 0] + 1)
    tinted = smoothstep(warmth[0], 0.62, 0.78) * (1 - smoothstep(np.maximum(*warmth), 1.05, 1.2))
    alpha = smoothstep(bright / white, 0.38, 0.62) * tinted * smoothstep(blur(inside, 1), 0.6, 0.95)
    return blur(alpha, 0.8), white


def _with_gums(colours: FloatArray, alpha: FloatArray, edge: float) -> Picture:
    """Add gums above the teeth, for a raised lip; the teeth's colour is extended beyond soft rims."""
    solid = np.clip(colours, 0, 255) * alpha[..., None]
    spread = blur(solid, 3) / (blur(alpha, 3)[..., None] + 1e-3)
    colours = np.where(alpha[..., None] > 0.6, colours, spread)
    columns = np.flatnonzero(alpha.max(0) > 0.5)
    rims = (alpha[:, columns] > 0.5).argmax(0)
    rim = np.polynomial.Polynomial.fit(columns, rims, 2)(np.arange(WIDTH))
    rim = np.minimum(rim, edge - _MIN_SIZE[0] * EYE_DISTANCE)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    above = 1 - smoothstep(y - rim, 3, 9)
    beside = 1 - smoothstep(np.abs(x - WIDTH / 2), 0.2 * EYE_DISTANCE, 0.32 * EYE_DISTANCE)
    gums = np.array(_GUM) * (0.75 + 0.25 * smoothstep(y - rim, -30, 0))[..., None]
    mixed = np.where(above[..., None] > 0, gums + (colours - gums) * alpha[..., None], colours)
    opaque = np.maximum(alpha, above * beside)
    rgba = np.concatenate([np.clip(mixed, 0, 255), 255 * opaque[..., None]], -1)
    return np.asarray(np.rint(rgba), np.uint8)


def _read(file: Path) -> Teeth:
    with Image.open(file) as image:
        edge, width = float(image.info["edge"]), float(image.info["width"])
        return Teeth(np.asarray(image.convert("RGBA")), edge, width)
