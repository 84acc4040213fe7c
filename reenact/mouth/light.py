"""Estimate of the light on a face from its picture: colour of white and flesh, and sharpness."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from PIL import Image, ImageFilter

from reenact.mouth.shading import polygon, smoothstep
from reenact.types import FloatArray, Picture

_EYES = (33, 160, 158, 133, 153, 144), (362, 385, 387, 263, 373, 380)
_CHEEKS = (50, 280)
_IVORY = np.array([1.04, 1.0, 0.93], np.float32)
_FLESH = np.array([1.2, 0.92, 0.88], np.float32)
_STUDIO = 165.0  # brightness of the whites of eyes, of 255, in the photos of the teeth bank
_SHARP, _SOFTENING = 0.7, 2.8  # for ``_softness``: ratio in sharp photos, and pixels of blur per ratio


@dataclass(frozen=True)
class Light:
    """Light and sharpness for rendering the inside of a mouth.

    ``white`` (3,) is the factor for white things, 1 in a well lit photo; ``flesh`` (3,) is that for red
    things. ``colour`` is 0 for a greyscale picture and 1 for one in colour. ``softness`` is the standard
    deviation in pixels of the blur that matches the picture's sharpness.
    """

    white: FloatArray
    flesh: FloatArray
    colour: float
    softness: float


def estimate_light(picture: Picture, landmarks: FloatArray) -> Light:
    """The light on a face of (478, 2) landmarks, in pixels of ``picture`` (S, S, 3)."""
    skin = np.mean([_patch(picture, landmarks[index]) for index in _CHEEKS], 0) + 1
    whites = [_brightest(picture, landmarks[list(eye)]) for eye in _EYES]
    known = [colour for colour in whites if colour is not None]
    sclera = np.mean(known, 0) + 1 if known else skin
    level = float(np.clip(max(sclera.mean(), 0.85 * skin.mean()) / _STUDIO, 0.45, 1.15))
    tone = (sclera / sclera.mean() + _IVORY) / 2
    flesh = (skin / skin.mean() + _FLESH) / 2
    return Light(
        np.asarray(level * tone, np.float32),
        np.asarray(level * flesh / flesh.mean(), np.float32),
        float(smoothstep(np.ptp(skin) / skin.mean(), 0.04, 0.16)),
        float(np.median([_softness(picture, landmarks[list(eye)]) for eye in _EYES])),
    )


def _patch(picture: Picture, centre: FloatArray) -> FloatArray:
    """Mean colour (3,) around a point."""
    half = max(1, len(picture) // 64)
    x, y = (int(np.clip(value, half, len(picture) - half)) for value in centre)
    return np.asarray(picture[y - half : y + half, x - half : x + half].mean((0, 1)), np.float32)


def _brightest(picture: Picture, eye: FloatArray) -> FloatArray | None:
    """Mean colour (3,) of the brightest quarter of an eye's opening; None where it is closed."""
    low = np.floor(eye.min(0)).astype(int).clip(0, len(picture) - 2)
    high = np.ceil(eye.max(0)).astype(int).clip(low + 1, len(picture))
    inside = polygon(eye - low, *(high - low)) > 0.5
    seen = picture[low[1] : high[1], low[0] : high[0]][inside].astype(np.float32)
    if len(seen) < 12:
        return None
    bright = seen.mean(-1)
    return np.asarray(seen[bright >= np.percentile(bright, 75)].mean(0), np.float32)


def _softness(picture: Picture, eye: FloatArray) -> float:
    """Blur of a picture from the detail around an eye: energy within 1 pixel over that within 2."""
    centre, reach = eye.mean(0), 0.75 * float(np.ptp(eye[:, 0])) + 2
    x0, y0 = np.maximum(centre - reach, 0).astype(int)
    x1, y1 = np.maximum(centre + reach, [x0 + 2, y0 + 2]).astype(int)
    grey = Image.fromarray(picture[y0:y1, x0:x1]).convert("L")
    levels = [
        np.asarray(grey.filter(ImageFilter.GaussianBlur(sigma)), np.float32) for sigma in (0.5, 1.0, 2.0)
    ]
    fine, coarse = (float(np.square(a - b).mean()) for a, b in pairwise(levels))
    return max(0.0, _SOFTENING * (_SHARP - float(np.sqrt(fine / max(coarse, 1e-6)))))
