"""The high-pass residual of a frame, in which the detector searches the pilots."""

from __future__ import annotations

import numpy as np

from reenact.types import FloatArray, Picture

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # BT.601
WINDOW = 5  # pixels of the square whose mean a pixel is compared with
HALF_WINDOW = 3  # the same for a clip that was scaled to about a half


def luma_of(frame: Picture) -> FloatArray:
    """(H, W, 3) uint8 RGB -> (H, W) float32, 0 to 255."""
    return np.asarray(frame.astype(np.float32) @ _LUMA, np.float32)


def block_means(values: FloatArray, side: int) -> FloatArray:
    """The mean of each block of ``side`` x ``side`` pixels; H and W are multiples of ``side``."""
    high, wide = (length // side for length in values.shape)
    rows = values.reshape(high, side, wide * side).mean(1)  # whole rows first: numpy is slow along short axes
    return np.asarray(rows.reshape(high, wide, side).mean(2), np.float32)


def residual(luma: FloatArray, window: int = WINDOW) -> FloatArray:
    """Luma (H, W) minus its local mean, normalised by local contrast: (H, W) float32, about -1 to 1.

    The picture is noise to the pilots, and differs a hundredfold between sky and hair. So each pixel is
    weighted by the inverse of the local contrast, and outliers are clipped.
    """
    flat = luma - _box_mean(luma, window)
    size = np.sqrt(np.maximum(_box_mean(flat * flat, window), 0)) + 0.3
    return np.asarray(np.clip(flat / size, -1.5, 1.5) / np.sqrt(size), np.float32)


def _box_mean(values: FloatArray, window: int) -> FloatArray:
    """The mean over a square around each pixel, with the border replicated."""
    half = window // 2
    padded = np.pad(values, ((half + 1, half), (half + 1, half)), mode="edge")
    sums = np.cumsum(np.cumsum(padded, 0, dtype=np.float64), 1)
    whole = sums[window:, window:] - sums[:-window, window:] - sums[window:, :-window]
    return np.asarray((whole + sums[:-window, :-window]) / window**2, np.float32)
