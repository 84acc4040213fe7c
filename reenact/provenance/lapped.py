"""Slow, smooth waves in which the mark is written: the first three of a lapped transform.

Every 16 pixels a window of 32 begins, and in it lie cosines with periods of 64 and 21 pixels (the modulated
lapped transform with the sine window: Malvar, IEEE Trans. ASSP 1990). They are orthonormal over the whole
picture, so that what is written in one block is not seen in its neighbours, and have no edges for an eye to
see. H.264 keeps such waves: at CRF 32 about two thirds of a change that slow survive, and a sixth of one that
is four times as fast.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from reenact.types import FloatArray

HOP = 16  # pixels from one block to the next
SPAN = 2 * HOP  # pixels of a block
# The waves (down, across) that are used; not (0, 0), which hears the mean.
_DOWN, _ACROSS = (0, 1, 1), (1, 0, 1)
WAVES = len(_DOWN)
_SPEEDS = 2  # in each direction


def blocks(luma: FloatArray) -> tuple[int, int]:
    """How many blocks a picture (H, W) has down and across; only those that lie wholly inside."""
    height, width = luma.shape
    return max(0, height // HOP - 1), max(0, width // HOP - 1)


def measured(luma: FloatArray) -> FloatArray:
    """How much of each wave is in a picture (H, W): (rows of blocks, columns, WAVES), levels times pixels."""
    height, width = luma.shape
    down, across = _waves(height), _waves(width)
    found = down.reshape(len(down) * _SPEEDS, height) @ luma @ across.reshape(len(across) * _SPEEDS, width).T
    found = found.reshape(len(down), _SPEEDS, len(across), _SPEEDS)
    return np.asarray(found.transpose(0, 2, 1, 3)[:, :, _DOWN, _ACROSS])


def drawn(amounts: FloatArray, height: int, width: int) -> FloatArray:
    """The picture (H, W) that has these amounts of the waves, as ``measured`` gives them, and no more."""
    down, across = _waves(height), _waves(width)
    every = np.zeros((len(down), len(across), _SPEEDS, _SPEEDS), np.float32)
    every[:, :, _DOWN, _ACROSS] = amounts
    flat = every.transpose(0, 2, 1, 3).reshape(len(down) * _SPEEDS, len(across) * _SPEEDS)
    return np.asarray(down.reshape(len(flat), height).T @ flat @ across.reshape(flat.shape[1], width))


@lru_cache(maxsize=16)
def _waves(length: int) -> FloatArray:
    """The waves along one direction: (blocks, _SPEEDS, length)."""
    count = max(0, length // HOP - 1)
    at = np.arange(SPAN)
    window = np.sin(np.pi * (at + 0.5) / SPAN) * np.sqrt(2 / HOP)
    speeds = np.arange(_SPEEDS)[:, None] + 0.5
    waves = window * np.cos(np.pi / HOP * (at + 0.5 + HOP / 2) * speeds)
    placed = np.zeros((count, _SPEEDS, length), np.float32)
    for block in range(count):
        placed[block, :, block * HOP : block * HOP + SPAN] = waves
    return placed
