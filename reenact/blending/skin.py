"""The skin of a face as smooth fields of brightness and hue, at 64 x 64 pixels.

The fields are polynomials of second order in x and y. The fit is robust, so that brows, lips, beards, glasses
and hair hardly count. Brightness is in log odds: like a logarithm in shadows and midtones, where light is a
sum, but bounded. Hue is the log of a channel's ratio to brightness: coloured light adds to it.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from reenact.blending.mask import BROWS
from reenact.types import FloatArray, Picture

TERMS = 6
"""Terms of a polynomial: 1, x, y, x^2, x y, y^2, over [-1, 1] across the square."""
SIDE = 64
"""Side in pixels of the pictures that are fitted."""
FLOOR = 6.0
"""Levels that keep the logarithms of black and white finite."""
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_LIPS = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)
_EYES = (
    (33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7),
    (*(362, 398, 384, 385, 386, 387, 388, 466, 263, 249, 390, 373, 374, 380, 381, 382),),
)
_SURE = (50, 280, 101, 330, 205, 425, 5, 4, 151, 9, 108, 337)  # points where even bearded faces show skin
_STIFF = np.array([1e-4, 0.02, 0.02, 0.15, 0.15, 0.15], np.float32)
_RIDGE = np.array([1e-4, 0.002, 0.002, 0.004, 0.004, 0.004], np.float32)  # unobserved terms tend to 0
_ROUNDS = 3


def values_of(picture: Picture) -> FloatArray:
    """Log odds of brightness and the three channels' hues, (4096, 4), of a picture reduced to 64 x 64."""
    small = Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BOX)
    values = np.asarray(small, np.float32).reshape(-1, 3)
    light = (values @ LUMA)[:, None]
    return np.concatenate([odds_of(light), np.log(values + FLOOR) - np.log(light + FLOOR)], 1)


def regions(alpha: FloatArray, landmarks: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Masks of the replaced face, of its features, and of certain skin: (4096,) each."""
    points = landmarks * np.float32(SIDE / len(alpha))
    small = Image.fromarray(np.asarray(alpha, np.float32)).resize((SIDE, SIDE), Image.Resampling.BOX)
    support = np.asarray(small, np.float32).clip(0, 1)
    drawn = Image.new("L", (SIDE, SIDE))
    draw = ImageDraw.Draw(drawn)
    for feature in (_LIPS, *_EYES, *BROWS):
        ring = [(float(x), float(y)) for x, y in points[list(feature)]]
        draw.polygon(ring, fill=1)
        draw.line([*ring, ring[0]], fill=1, width=3)
    features = support * np.asarray(drawn)
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32) + np.float32(0.5)
    spread = 2 * (0.09 * float(np.ptp(points[:, 1]))) ** 2
    sure = sum(np.exp(-((x - px) ** 2 + (y - py) ** 2) / spread) for px, py in points[list(_SURE)])
    return support.ravel(), features.ravel(), np.minimum(sure, 1).ravel().astype(np.float32)


def skin_field(values: FloatArray, skin: FloatArray, sure: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Polynomials (4, 6) of the skin, and residuals (4096, 4).

    A first, stiff fit relies on certain skin; later rounds weight pixels by agreement with the fit.
    """
    field, rest = _fitted(values, skin * (np.float32(0.05) + sure), _STIFF)
    for _ in range(_ROUNDS):
        field, rest = _fitted(values, skin * (np.float32(0.5) + sure) * _trust(rest, skin * sure), _RIDGE)
    return field, rest


def odds_of(light: FloatArray) -> FloatArray:
    """Log odds of brightness in [0, 255]."""
    return np.asarray(np.log((light + np.float32(FLOOR)) / (np.float32(255 + FLOOR) - light)), np.float32)


def powers() -> FloatArray:
    """Values (4096, 6) of the polynomial's terms."""
    x, y = np.tile(positions(SIDE), SIDE), np.repeat(positions(SIDE), SIDE)
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], 1)


def positions(size: int) -> FloatArray:
    """Centres of ``size`` pixels in [-1, 1]."""
    return ((np.arange(size, dtype=np.float32) + 0.5) * (2 / size) - 1).astype(np.float32)


def _fitted(values: FloatArray, weight: FloatArray, ridge: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Weighted least squares with a ridge: polynomials (4, 6) and residuals (4096, 4)."""
    terms = powers()
    weighted = terms * (weight / max(float(weight.sum()), 1e-6))[:, None]
    field = np.linalg.solve(weighted.T @ terms + np.diag(ridge), weighted.T @ values)
    return field.T.astype(np.float32), np.asarray(values - terms @ field, np.float32)


def _trust(rest: FloatArray, prior: FloatArray) -> FloatArray:
    """Tukey's biweight of the residuals, with separate scales for brightness and hue."""
    share = np.ones(len(rest), np.float32)
    for distance, least in ((np.abs(rest[:, 0]), 0.08), (np.linalg.norm(rest[:, 1:], axis=1), 0.03)):
        spread = max(_median(distance, prior) * 1.5, least)
        share *= np.square(np.clip(1 - np.square(distance / (4 * spread)), 0, 1))
    return share


def _median(values: FloatArray, weight: FloatArray) -> float:
    order = np.argsort(values)
    sums = np.cumsum(weight[order])
    return float(values[order[min(int(np.searchsorted(sums, sums[-1] / 2)), len(values) - 1)]])
