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

COEFFICIENTS = 64
"""Numbers that ``fit`` gives: two faces' fields of four polynomials of six terms, the clip's tone of three
polynomials of four terms, four factors."""
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
_STIFF = np.array([1e-4, 0.02, 0.02, 0.15, 0.15, 0.15], np.float32)
_RIDGE = np.array([1e-4, 0.002, 0.002, 0.004, 0.004, 0.004], np.float32)  # what skin does not tell is even
_ROUNDS = 3
_RELIT = 0.7  # log odds, the most by which a place may gain on the whole face
_OF_CONTRAST = 0.7  # exponent: of what the features' contrasts differ by, some is the persons' own
_LIMITS = (0.75, 0.0, 0.6, 0.0), (1.25, 1.0, 1.3, 0.8)  # of contrast, hues, vividness and whites
_TONED, _COLOURFUL = 0.2, 0.7  # shares of the selfie's spread of hues: a clip of one tone, and one of colours
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
        (64,) float32 for ``apply``, smooth in time: they may be averaged over frames.
    """
    support, features, sure = _regions(alpha, landmarks)
    skin = support - features
    ours, theirs = _values(square), _values(target)
    source, our_rest = _field(ours, skin, sure)
    aim, their_rest = _field(theirs, skin, sure)
    contrast = (_rms(their_rest[:, 0], features) + 0.05) / (_rms(our_rest[:, 0], features) + 0.05)
    _, our_hues = _tone(ours, support)
    tone, their_hues = _tone(theirs, support)
    hues = (their_hues / (our_hues + 1e-6) - _TONED) / (_COLOURFUL - _TONED)
    whites = _WHITES * (source - aim)[0, 0]
    source = aim - _restrained(aim - source, support)
    vivid = np.sqrt(_vividness(aim, support) / _vividness(source, support))
    factors = np.clip([contrast**_OF_CONTRAST, hues, vivid, whites], *_LIMITS)
    return np.concatenate([source.ravel(), aim.ravel(), tone.ravel(), factors]).astype(np.float32)


def apply(square: Picture, coefficients: FloatArray) -> Picture:
    """The square (S, S, 3) uint8 with ``coefficients`` (64,) of ``fit``, or a mean of several."""
    source, aim = coefficients[: 8 * _TERMS].astype(np.float32).reshape(2, 4, _TERMS)
    tone = coefficients[8 * _TERMS : -4].astype(np.float32).reshape(3, -1)
    contrast, hues, vivid, whites = (np.float32(value) for value in coefficients[-4:])
    light = square @ _LUMA
    rest = _odds(light) - _surface(source[0], len(square))
    odds = (
        rest * contrast + np.maximum(rest - np.float32(_BRIGHT), 0) * whites + _surface(aim[0], len(square))
    )
    lit, before = _log_light(odds), np.log(light + np.float32(_FLOOR))
    result = np.empty_like(square)
    for channel in range(3):
        shift = _surface(aim[channel + 1] - vivid * source[channel + 1], len(square))
        hue = ((_LOGS[square[..., channel]] - before) * vivid + shift) * hues
        if hues < 1:
            hue += np.polynomial.polynomial.polyval(odds, tone[channel]) * (1 - hues)
        result[..., channel] = np.clip(np.exp(lit + hue) - np.float32(_FLOOR - 0.5), 0, 255)
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


def _values(picture: Picture) -> FloatArray:
    """(4096, 4) of a picture's means: log odds of brightness, and the three channels' hues."""
    small = Image.fromarray(picture).resize((_SIDE, _SIDE), Image.Resampling.BOX)
    values = np.asarray(small, np.float32).reshape(-1, 3)
    light = (values @ _LUMA)[:, None]
    return np.concatenate([_odds(light), np.log(values + _FLOOR) - np.log(light + _FLOOR)], 1)


def _regions(alpha: FloatArray, landmarks: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Where the face is replaced, where its features are, how surely it shows skin: (4096,) each."""
    points = landmarks * np.float32(_SIDE / len(alpha))
    small = Image.fromarray(np.asarray(alpha, np.float32)).resize((_SIDE, _SIDE), Image.Resampling.BOX)
    support = np.asarray(small, np.float32).clip(0, 1)
    drawn = Image.new("L", (_SIDE, _SIDE))
    draw = ImageDraw.Draw(drawn)
    for feature in (_LIPS, *_EYES, *BROWS):
        ring = [(float(x), float(y)) for x, y in points[list(feature)]]
        draw.polygon(ring, fill=1)
        draw.line([*ring, ring[0]], fill=1, width=3)
    features = support * np.asarray(drawn)
    y, x = np.mgrid[:_SIDE, :_SIDE].astype(np.float32) + np.float32(0.5)
    spread = 2 * (0.09 * float(np.ptp(points[:, 1]))) ** 2
    sure = sum(np.exp(-((x - px) ** 2 + (y - py) ** 2) / spread) for px, py in points[list(_SURE)])
    return support.ravel(), features.ravel(), np.minimum(sure, 1).ravel().astype(np.float32)


def _field(values: FloatArray, skin: FloatArray, sure: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Polynomials (4, 6) of the skin, and what they leave (4096, 4).

    A first, stiff fit knows only where skin is sure; what agrees with it then counts.
    """
    field, rest = _fitted(values, skin * (np.float32(0.05) + sure), _STIFF)
    for _ in range(_ROUNDS):
        field, rest = _fitted(values, skin * (np.float32(0.5) + sure) * _trust(rest, skin * sure), _RIDGE)
    return field, rest


def _powers() -> FloatArray:
    """Values (4096, 6) of the polynomial's terms."""
    x, y = np.tile(_positions(_SIDE), _SIDE), np.repeat(_positions(_SIDE), _SIDE)
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], 1)


def _fitted(values: FloatArray, weight: FloatArray, ridge: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Weighted least squares with a ridge: polynomials (4, 6) and what they leave (4096, 4)."""
    terms = _powers()
    weighted = terms * (weight / max(float(weight.sum()), 1e-6))[:, None]
    field = np.linalg.solve(weighted.T @ terms + np.diag(ridge), weighted.T @ values)
    return field.T.astype(np.float32), np.asarray(values - terms @ field, np.float32)


def _restrained(change: FloatArray, support: FloatArray) -> FloatArray:
    """A change of light (4, 6) that lights no shadow more than a rendered face bears.

    A shadow that is lit too much shows what the network did not draw well.
    """
    across = change @ _powers().T
    mean = across @ support / max(float(support.sum()), 1e-6)
    brighter = float(np.max(across[0] - mean[0], where=support > 0.5, initial=1e-6))
    share = min(1.0, _RELIT / brighter)
    change = change * np.float32(share)
    change[:, 0] += (1 - share) * mean
    return change


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


def _rms(values: FloatArray, weight: FloatArray) -> float:
    """Root of the mean square of (4096,) or (4096, C), weighted."""
    squares = np.square(values).reshape(len(values), -1).sum(1)
    return float(np.sqrt(squares @ weight / max(float(weight.sum()), 1e-6)))


def _vividness(field: FloatArray, support: FloatArray) -> float:
    """How far the skin's mean hue is from grey."""
    hue = (field[1:] @ _powers().T) @ support / max(float(support.sum()), 1e-6)
    return float(np.linalg.norm(hue)) + 0.05


def _tone(values: FloatArray, support: FloatArray) -> tuple[FloatArray, float]:
    """Each channel's hue as a cubic of the brightness' log odds (3, 4), and the spread of hues about it.

    A toned film has one hue for each brightness, a grey one none: next to no spread is left.
    """
    powers = np.vander(values[:, 0], 4, increasing=True)
    weighted = powers * (support / max(float(support.sum()), 1e-6))[:, None]
    tone = np.linalg.solve(weighted.T @ powers + 1e-5 * np.eye(4), weighted.T @ values[:, 1:])
    return tone.T.astype(np.float32), _rms(values[:, 1:] - powers @ tone, support)
