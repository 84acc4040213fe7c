"""Slow, smooth waves in which the mark is written: the first three of a lapped transform.

Every 16 pixels a window of 32 begins, and in it lie cosines with periods of 64 and 21 pixels (the modulated
lapped transform with the sine window: Malvar, IEEE Trans. ASSP 1990). They are orthonormal over the whole
picture, so that what is written in one block is not seen in its neighbours, and have no edges for an eye to
see. H.264 keeps such waves: at CRF 32 about two thirds of a change that slow survive, and a sixth of one that
is four times as fast.
"""

from __future__ import annotations

import numpy as np

from reenact.types import FloatArray

HOP = 16  # pixels from one block to the next
SPAN = 2 * HOP  # pixels of a block
# The waves (down, across) that are used; not (0, 0), which hears the mean.
_DOWN, _ACROSS = (0, 1, 1), (1, 0, 1)
COEFFICIENTS = len(_DOWN)
_FREQUENCIES = 2  # in each direction


def blocks(luma: FloatArray) -> tuple[int, int]:
    """How many blocks a picture (H, W) has down and across; only those that lie wholly inside."""
    height, width = luma.shape
    return max(0, height // HOP - 1), max(0, width // HOP - 1)


def analyze(luma: FloatArray) -> FloatArray:
    """How much of each wave is in a picture (H, W): (rows of blocks, columns, WAVES), levels times pixels."""
    down = _analyze_columns(luma)
    rows, columns = blocks(luma)
    found = _analyze_columns(down.reshape(rows * _FREQUENCIES, luma.shape[1]).T)
    found = found.reshape(columns, _FREQUENCIES, rows, _FREQUENCIES)
    return np.asarray(found.transpose(2, 0, 3, 1)[:, :, _DOWN, _ACROSS])


def synthesize(coefficients: FloatArray, height: int, width: int) -> FloatArray:
    """The picture (H, W) that has these amounts of the waves, as ``analyze`` gives them, and no more."""
    rows, columns = coefficients.shape[:2]
    every = np.zeros((rows, columns, _FREQUENCIES, _FREQUENCIES), np.float32)
    every[:, :, _DOWN, _ACROSS] = coefficients
    across = _synthesize_columns(
        every.transpose(1, 3, 0, 2).reshape(columns, _FREQUENCIES, rows * _FREQUENCIES), width
    )
    return _synthesize_columns(across.T.reshape(rows, _FREQUENCIES, width), height)


def _analyze_columns(picture: FloatArray) -> FloatArray:
    """The waves of each column of (H, W): (blocks, _SPEEDS, W)."""
    height, width = picture.shape
    hops = picture[: height // HOP * HOP].reshape(height // HOP, HOP, width)
    return np.asarray(_BASIS[:, :HOP] @ hops[:-1] + _BASIS[:, HOP:] @ hops[1:])


def _synthesize_columns(coefficients: FloatArray, height: int) -> FloatArray:
    """The way back: columns (H, W) from (blocks, _SPEEDS, W)."""
    picture = np.zeros((height, coefficients.shape[2]), np.float32)
    hops = picture[: height // HOP * HOP].reshape(height // HOP, HOP, coefficients.shape[2])
    hops[:-1] += _BASIS[:, :HOP].T @ coefficients
    hops[1:] += _BASIS[:, HOP:].T @ coefficients
    return picture


def _make_basis() -> FloatArray:
    """The waves of one block along one direction: (_SPEEDS, SPAN)."""
    at = np.arange(SPAN)
    window = np.sin(np.pi * (at + 0.5) / SPAN) * np.sqrt(2 / HOP)
    speeds = np.arange(_FREQUENCIES)[:, None] + 0.5
    return np.asarray(window * np.cos(np.pi / HOP * (at + 0.5 + HOP / 2) * speeds), np.float32)


_BASIS = _make_basis()
