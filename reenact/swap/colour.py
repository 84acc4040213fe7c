"""Colour and light of a rendered face brought to those of the clip's face.

The skin of either face is described by smooth fields: polynomials of second order in x and y for brightness
and for the channels' hues, fitted robustly at 64 x 64, so that brows, lips, beards, glasses and hair hardly
count. The rendered face's own field is taken off and the clip's put on; its features stay.

Brightness is in log odds: multiplication by light in the dark and the middle, as in a logarithm, but nothing
brightened burns out. Hue is the logarithm of a channel's ratio to brightness: light in colours multiplies it.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from reenact.swap.mask import BROWS
from reenact.types import FloatArray, Picture

COEFFICIENTS = 51
"""Numbers that ``fit`` gives: two faces' fields of four polynomials of six terms, then three factors."""
_TERMS = 6  # 1, x, y, x^2, x y, y^2, over [-1, 1] across the square
_SIDE = 64  # of the pictures that are fitted
_LIPS = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)
_EYES = (
    (33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7),
    (*(362, 398, 384, 385, 386, 387, 388, 466, 263, 249, 390, 373, 374, 380, 381, 382),),
)
_SURE = (50, 280, 101, 330, 205, 425, 5, 4, 151, 9, 108, 337)  # where even bearded faces show skin
_FLOOR = 6.0  # levels that keep black and white from infinity
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_RIDGE = np.array([1e-4, 0.02, 0.02, 0.15, 0.15, 0.15])  # pulls what the skin does not tell to a constant
_ROUNDS = 4
_CONTRAST = (0.92, 1.12)
_COLOURFUL = 0.4  # share of the selfie's spread of hues from which a clip counts as one in colour
_BRIGHT = 0.5  # log odds above the skin from which on whites of eyes and teeth are meant
_WHITES = 0.8  # what is brighter than skin is darkened less by up to this slope
_LOGS = np.log(np.arange(256, dtype=np.float32) + np.float32(_FLOOR))


def fit(square: Picture, target: Picture, alpha: FloatArray, landmarks: FloatArray) -> FloatArray:
    """What brings a rendered face to the colour and light of the clip's.

    Args:
        square: (S, S, 3) uint8, the rendered face.
        target: (S, S, 3) uint8, the clip's frame, cut out alike.
        alpha: (S, S) float32 in [0, 1], where the face is replaced.
        landmarks: (478, 2) of the clip's face, in pixels of the square.

    Returns:
        (51,) float32 for ``apply``, smooth in time: they may be averaged over frames.
    """
    prior, support = _prior(alpha, landmarks)
    ours, theirs = (_values(*_small(picture)) for picture in (square, target))
    source, our_rest, our_weight = _field(ours, prior)
    aim, their_rest, their_weight = _field(theirs, prior)
    contrast = np.sqrt((_spread(their_rest, their_weight) + 0.02) / (_spread(our_rest, our_weight) + 0.02))
    hues = _hues(their_rest, support) / (_hues(our_rest, support) + 1e-6) / _COLOURFUL
    darker = float(np.clip((source - aim)[0, 0], 0, 1))
    factors = np.clip([contrast, hues, _WHITES * darker], [_CONTRAST[0], 0, 0], [_CONTRAST[1], 1, 1])
    return np.concatenate([source.ravel(), aim.ravel(), factors]).astype(np.float32)


def apply(square: Picture, coefficients: FloatArray) -> Picture:
    """The square (S, S, 3) uint8 with ``coefficients`` (51,) of ``fit``, or a mean of several."""
    source, aim = coefficients[:-3].astype(np.float32).reshape(2, 4, _TERMS)
    contrast, hues, whites = (np.float32(value) for value in coefficients[-3:])
    planes, light = [square[..., channel] for channel in range(3)], square @ _LUMA
    odds = _odds(light) - _surface(source[0], len(square))
    odds = odds * contrast + np.maximum(odds - np.float32(_BRIGHT), 0) * whites
    lit = _log_light(odds + _surface(aim[0], len(square)))
    before = np.log(light + np.float32(_FLOOR))
    result = np.empty_like(square)
    for channel, plane in enumerate(planes, 1):
        shift = _surface(aim[channel] - hues * source[channel], len(square))
        level = np.exp(lit + (_LOGS[plane] - before) * hues + shift)
        result[..., channel - 1] = np.clip(level - np.float32(_FLOOR - 0.5), 0, 255)
    return result


def _odds(light: FloatArray) -> FloatArray:
    """Log odds of brightness in [0, 255]."""
    return np.asarray(np.log((light + np.float32(_FLOOR)) / (np.float32(255 + _FLOOR) - light)), np.float32)


def _log_light(odds: FloatArray) -> FloatArray:
    """Logarithm of brightness plus the floor, of its log odds."""
    return np.asarray(np.float32(np.log(255 + 2 * _FLOOR)) - np.log1p(np.exp(-odds)), np.float32)


def _surface(terms: FloatArray, size: int) -> FloatArray:
    """A polynomial's values (S, S) across the square."""
    one, by_x, by_y, by_xx, by_xy, by_yy = terms
    x = _positions(size)
    columns, rows = one + by_x * x + by_xx * x * x, by_y * x + by_yy * x * x
    if not by_xy:
        return np.asarray(columns[None] + rows[:, None], np.float32)
    return np.asarray((by_xy * x)[:, None] * x[None] + columns[None] + rows[:, None], np.float32)


def _positions(size: int) -> FloatArray:
    return ((np.arange(size, dtype=np.float32) + 0.5) * (2 / size) - 1).astype(np.float32)


def _small(picture: Picture) -> tuple[FloatArray, FloatArray]:
    """Means (4096, 3) of a picture, and their brightness (4096,)."""
    small = Image.fromarray(picture).resize((_SIDE, _SIDE), Image.Resampling.BOX)
    values = np.asarray(small, np.float32).reshape(-1, 3)
    return values, values @ _LUMA


def _values(values: FloatArray, light: FloatArray) -> FloatArray:
    """(4096, 4): log odds of brightness, and the three channels' hues."""
    hues = np.log(values + _FLOOR) - np.log(light + _FLOOR)[:, None]
    return np.concatenate([_odds(light)[:, None], hues], 1)


def _prior(alpha: FloatArray, landmarks: FloatArray) -> tuple[FloatArray, FloatArray]:
    """How likely each place shows skin (4096,), and where the face is replaced (4096,)."""
    points = landmarks * np.float32(_SIDE / len(alpha))
    small = Image.fromarray(np.asarray(alpha, np.float32)).resize((_SIDE, _SIDE), Image.Resampling.BOX)
    support = np.asarray(small, np.float32).clip(0, 1)
    features = Image.new("L", (_SIDE, _SIDE))
    draw = ImageDraw.Draw(features)
    for feature in (_LIPS, *_EYES, *BROWS):
        ring = [(float(x), float(y)) for x, y in points[list(feature)]]
        draw.polygon(ring, fill=255)
        draw.line([*ring, ring[0]], fill=255, width=3)
    skin = support * (np.asarray(features) == 0)
    y, x = np.mgrid[:_SIDE, :_SIDE].astype(np.float32) + np.float32(0.5)
    spread = 2 * (0.09 * float(np.ptp(points[:, 1]))) ** 2
    sure = sum(np.exp(-((x - px) ** 2 + (y - py) ** 2) / spread) for px, py in points[list(_SURE)])
    return (skin * (0.15 + np.minimum(sure, 1))).ravel().astype(np.float32), support.ravel()


def _field(values: FloatArray, prior: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Polynomials (4, 6) of the skin, what they leave (4096, 4), and the weight of each place (4096,)."""
    weight = prior
    field, rest = _fitted(values, weight)
    for _ in range(_ROUNDS - 1):
        weight = prior * _trust(rest, prior)
        field, rest = _fitted(values, weight)
    return field, rest, weight


def _fitted(values: FloatArray, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Weighted least squares with a ridge: polynomials (4, 6) and what they leave (4096, 4)."""
    x, y = np.tile(_positions(_SIDE), _SIDE), np.repeat(_positions(_SIDE), _SIDE)
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], 1)
    weighted = terms * (weight / max(float(weight.sum()), 1e-6))[:, None]
    field = np.linalg.solve(weighted.T @ terms + np.diag(_RIDGE), weighted.T @ values)
    return field.T.astype(np.float32), np.asarray(values - terms @ field, np.float32)


def _trust(rest: FloatArray, prior: FloatArray) -> FloatArray:
    """Tukey's biweight of the distance from the field, brightness and hue each by their own spread."""
    share = np.ones(len(rest), np.float32)
    for distance, least in ((np.abs(rest[:, 0]), 0.08), (np.linalg.norm(rest[:, 1:], axis=1), 0.03)):
        spread = max(_median(distance, prior) * 1.5, least)
        share *= np.square(np.clip(1 - np.square(distance / (4 * spread)), 0, 1))
    return share


def _median(values: FloatArray, weight: FloatArray) -> float:
    order = np.argsort(values)
    sums = np.cumsum(weight[order])
    return float(values[order[min(int(np.searchsorted(sums, sums[-1] / 2)), len(values) - 1)]])


def _spread(rest: FloatArray, weight: FloatArray) -> float:
    """Of the skin's brightness about its field."""
    return float(np.sqrt(np.square(rest[:, 0]) @ weight / max(float(weight.sum()), 1e-6)))


def _hues(rest: FloatArray, support: FloatArray) -> float:
    """Spread of the face's hues about its field: next to none in a clip of greys or of one tone."""
    return float(np.sqrt(np.square(rest[:, 1:]).sum(1) @ support / max(float(support.sum()), 1e-6)))
