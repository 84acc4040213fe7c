"""The carrier of the mark: three low frequencies of a modulated lapped transform (MLT).

Windows of 32 pixels start every 16 pixels and hold cosines with periods of 64 and 21 pixels (sine window:
Malvar, IEEE Trans. ASSP 1990). The basis is orthonormal over the whole picture: blocks do not interfere, and
the overlap leaves no visible block edges. H.264 keeps low frequencies: at CRF 32 about two thirds of such a
change survive, and a sixth of one at four times the frequency.
"""

from __future__ import annotations

import numpy as np

from reenact.types import FloatArray

HOP = 16  # pixels from one block to the next
SPAN = 2 * HOP  # pixels of a block
# Frequency indices (down, across) that are used; (0, 0) is not, since it follows the mean brightness.
_DOWN, _ACROSS = (0, 1, 1), (1, 0, 1)
COEFFICIENTS = len(_DOWN)
_FREQUENCIES = 2  # along each axis


def blocks(luma: FloatArray) -> tuple[int, int]:
    """How many blocks a picture (H, W) has down and across; only those that lie wholly inside."""
    height, width = luma.shape
    return max(0, height // HOP - 1), max(0, width // HOP - 1)


def analyze(luma: FloatArray) -> FloatArray:
    """Forward transform of (H, W): (block rows, block columns, COEFFICIENTS), in levels times pixels."""
    down = _analyze_columns(luma)
    rows, columns = blocks(luma)
    found = _analyze_columns(down.reshape(rows * _FREQUENCIES, luma.shape[1]).T)
    found = found.reshape(columns, _FREQUENCIES, rows, _FREQUENCIES)
    return np.asarray(found.transpose(2, 0, 3, 1)[:, :, _DOWN, _ACROSS])


def synthesize(coefficients: FloatArray, height: int, width: int) -> FloatArray:
    """Inverse transform: the picture (H, W) with these coefficients, as ``analyze`` returns them."""
    rows, columns = coefficients.shape[:2]
    every = np.zeros((rows, columns, _FREQUENCIES, _FREQUENCIES), np.float32)
    every[:, :, _DOWN, _ACROSS] = coefficients
    across = _synthesize_columns(
        every.transpose(1, 3, 0, 2).reshape(columns, _FREQUENCIES, rows * _FREQUENCIES), width
    )
    return _synthesize_columns(across.T.reshape(rows, _FREQUENCIES, width), height)


def _analyze_columns(picture: FloatArray) -> FloatArray:
    """Forward transform along the columns of (H, W): (blocks, _FREQUENCIES, W)."""
    height, width = picture.shape
    hops = picture[: height // HOP * HOP].reshape(height // HOP, HOP, width)
    return np.asarray(_BASIS[:, :HOP] @ hops[:-1] + _BASIS[:, HOP:] @ hops[1:])


def _synthesize_columns(coefficients: FloatArray, height: int) -> FloatArray:
    """Inverse transform along the columns: (H, W) from (blocks, _FREQUENCIES, W)."""
    picture = np.zeros((height, coefficients.shape[2]), np.float32)
    hops = picture[: height // HOP * HOP].reshape(height // HOP, HOP, coefficients.shape[2])
    hops[:-1] += _BASIS[:, :HOP].T @ coefficients
    hops[1:] += _BASIS[:, HOP:].T @ coefficients
    return picture


def _make_basis() -> FloatArray:
    """Windowed basis functions of one block along one axis: (_FREQUENCIES, SPAN)."""
    at = np.arange(SPAN)
    window = np.sin(np.pi * (at + 0.5) / SPAN) * np.sqrt(2 / HOP)
    speeds = np.arange(_FREQUENCIES)[:, None] + 0.5
    return np.asarray(window * np.cos(np.pi / HOP * (at + 0.5 + HOP / 2) * speeds), np.float32)


_BASIS = _make_basis()
