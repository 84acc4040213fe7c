"""Match colour and light of a rendered face to the clip's face.

The skin of each face is described by smooth fields (``skin.py``). The rendered face's fields are subtracted
and the clip's added; features are kept. Brightness is added in log odds, so that highlights do not clip.
"""

from __future__ import annotations

import numpy as np

from reenact.blending.skin import (
    FLOOR,
    LUMA,
    TERMS,
    odds_of,
    positions,
    powers,
    regions,
    skin_field,
    values_of,
)
from reenact.types import FloatArray, Picture

COEFFICIENTS = 64
"""Length of ``fit``'s result: for two faces, four polynomials of six terms; the clip's tone, three
polynomials of four terms; four factors."""
_RELIT = 0.7  # log odds: largest brightening of a place relative to the whole face
_OF_CONTRAST = 0.7  # exponent: part of the features' difference in contrast belongs to the persons
_OF_VIVIDNESS = 0.75  # exponent: pale skin's features differ less in hue than vivid skin's
_LIMITS = (0.75, 0.0, 0.45, 0.0), (1.25, 1.0, 1.3, 0.8)  # of contrast, hues, vividness and whites
_TONED, _COLOURFUL = 0.2, 0.7  # spread of hues over the selfie's: of a toned clip, and of one in full colour
_BRIGHT = 0.5  # log odds above the skin from which a pixel is white of an eye or tooth
_WHITES = 0.8  # largest slope by which whites are darkened less than skin
_LOGS = np.log(np.arange(256, dtype=np.float32) + np.float32(FLOOR))


def fit(square: Picture, target: Picture, alpha: FloatArray, landmarks: FloatArray) -> FloatArray:
    """Coefficients that match a rendered face to the colour and light of the clip's.

    Args:
        square: (S, S, 3) uint8, the rendered face.
        target: (S, S, 3) uint8, the same crop of the clip's frame.
        alpha: (S, S) float32 in [0, 1], where the face is replaced.
        landmarks: (478, 2) of the clip's face, in pixels of the square.

    Returns:
        (64,) float32 for ``apply``, smooth in time: may be averaged over frames.
    """
    support, features, sure = regions(alpha, landmarks)
    skin = support - features
    ours, theirs = values_of(square), values_of(target)
    source, our_rest = skin_field(ours, skin, sure)
    aim, their_rest = skin_field(theirs, skin, sure)
    contrast = (_rms(their_rest[:, 0], features) + 0.05) / (_rms(our_rest[:, 0], features) + 0.05)
    _, our_hues = _tone(ours, support)
    tone, their_hues = _tone(theirs, support)
    hues = (their_hues / (our_hues + 1e-6) - _TONED) / (_COLOURFUL - _TONED)
    whites = _WHITES * (source - aim)[0, 0]
    source = aim - _restrained(aim - source, support)
    vivid = (_vividness(aim, support) / _vividness(source, support)) ** _OF_VIVIDNESS
    factors = np.clip([contrast**_OF_CONTRAST, hues, vivid, whites], *_LIMITS)
    return np.concatenate([source.ravel(), aim.ravel(), tone.ravel(), factors]).astype(np.float32)


def apply(square: Picture, coefficients: FloatArray) -> Picture:
    """Apply ``coefficients`` (64,) of ``fit``, or a mean of several, to the square (S, S, 3) uint8."""
    source, aim = coefficients[: 8 * TERMS].astype(np.float32).reshape(2, 4, TERMS)
    tone = coefficients[8 * TERMS : -4].astype(np.float32).reshape(3, -1)
    contrast, hues, vivid, whites = (np.float32(value) for value in coefficients[-4:])
    light = square @ LUMA
    rest = odds_of(light) - _surface(source[0], len(square))
    odds = (
        rest * contrast + np.maximum(rest - np.float32(_BRIGHT), 0) * whites + _surface(aim[0], len(square))
    )
    lit, before = _log_light(odds), np.log(light + np.float32(FLOOR))
    result = np.empty_like(square)
    for channel in range(3):
        shift = _surface(aim[channel + 1] - vivid * source[channel + 1], len(square))
        hue = ((_LOGS[square[..., channel]] - before) * vivid + shift) * hues
        if hues < 1:
            hue += np.polynomial.polynomial.polyval(odds, tone[channel]) * (1 - hues)
        result[..., channel] = np.clip(np.exp(lit + hue) - np.float32(FLOOR - 0.5), 0, 255)
    return result


def _log_light(odds: FloatArray) -> FloatArray:
    """Logarithm of brightness plus ``FLOOR``, from its log odds."""
    return np.asarray(np.float32(np.log(255 + 2 * FLOOR)) - np.log1p(np.exp(-odds)), np.float32)


def _surface(terms: FloatArray, size: int) -> FloatArray:
    """A polynomial's values (S, S) across the square."""
    one, by_x, by_y, by_xx, by_xy, by_yy = terms
    x = positions(size)
    columns, rows = one + by_x * x + by_xx * x * x, by_y * x + by_yy * x * x
    return np.asarray((by_xy * x)[:, None] * x[None] + columns[None] + rows[:, None], np.float32)


def _restrained(change: FloatArray, support: FloatArray) -> FloatArray:
    """A change of light (4, 6), limited in how much it brightens shadows.

    A shadow that is brightened too much shows errors of the rendering.
    """
    across = change @ powers().T
    mean = across @ support / max(float(support.sum()), 1e-6)
    brighter = float(np.max(across[0] - mean[0], where=support > 0.5, initial=1e-6))
    share = min(1.0, _RELIT / brighter)
    change = change * np.float32(share)
    change[:, 0] += (1 - share) * mean
    return change


def _rms(values: FloatArray, weight: FloatArray) -> float:
    """Weighted root mean square of (4096,) or (4096, C)."""
    squares = np.square(values).reshape(len(values), -1).sum(1)
    return float(np.sqrt(squares @ weight / max(float(weight.sum()), 1e-6)))


def _vividness(field: FloatArray, support: FloatArray) -> float:
    """Distance of the skin's mean hue from grey, plus 0.05."""
    hue = (field[1:] @ powers().T) @ support / max(float(support.sum()), 1e-6)
    return float(np.linalg.norm(hue)) + 0.05


def _tone(values: FloatArray, support: FloatArray) -> tuple[FloatArray, float]:
    """Each channel's hue as a cubic in the log odds of brightness (3, 4), and the spread of hues about it.

    In a toned or grey film, hue depends on brightness only: the spread is near 0.
    """
    powers = np.vander(values[:, 0], 4, increasing=True)
    weighted = powers * (support / max(float(support.sum()), 1e-6))[:, None]
    tone = np.linalg.solve(weighted.T @ powers + 1e-5 * np.eye(4), weighted.T @ values[:, 1:])
    return tone.T.astype(np.float32), _rms(values[:, 1:] - powers @ tone, support)
