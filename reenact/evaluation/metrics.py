"""The metrics: pure functions of numpy arrays.

A *clip* is (T, H, W, 3) uint8 RGB. Functions of clips return one value for each frame, (T,) float64, so that
the caller chooses how to average. The value of a frame without a face is NaN.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reenact.evaluation.extras import load
from reenact.types import FloatArray

Figures = NDArray[np.float64]
Clip = NDArray[np.uint8]

PSNR_CEILING = 100.0  # dB, for equal frames, so that means stay finite
SSIM_RADIUS, SSIM_SIGMA = 5, 1.5  # 11x11 gaussian window
SSIM_C1, SSIM_C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def l1(made: Clip, true: Clip) -> Figures:
    """Mean absolute difference of each frame, in [0, 1]."""
    _same_shape(made, true)
    return np.array([np.abs(a.astype(np.int16) - b).mean() / 255 for a, b in zip(made, true, strict=True)])


def psnr(made: Clip, true: Clip) -> Figures:
    """Peak signal-to-noise ratio of each frame over its three channels, in dB; 100 for equal frames."""
    _same_shape(made, true)
    errors = [np.square(a.astype(np.float32) - b).mean() / 255**2 for a, b in zip(made, true, strict=True)]
    decibels: Figures = -10 * np.log10(np.maximum(errors, 1e-12))
    return np.minimum(decibels, PSNR_CEILING)


def ssim(made: Clip, true: Clip) -> Figures:
    """Structural similarity of each frame, in [-1, 1]: the mean over RGB and all complete windows.

    Wang, Bovik, Sheikh, Simoncelli, "Image Quality Assessment", 2004: 11x11 gaussian window, sigma 1.5.
    """
    _same_shape(made, true)
    return np.array(
        [_ssim(a.astype(np.float32), b.astype(np.float32)) for a, b in zip(made, true, strict=True)]
    )


def _ssim(a: FloatArray, b: FloatArray) -> float:
    mean_a, mean_b = _window(a), _window(b)
    variance_a, variance_b = _window(a * a) - mean_a**2, _window(b * b) - mean_b**2
    covariance = _window(a * b) - mean_a * mean_b
    likeness = (2 * mean_a * mean_b + SSIM_C1) * (2 * covariance + SSIM_C2)
    size = (mean_a**2 + mean_b**2 + SSIM_C1) * (variance_a + variance_b + SSIM_C2)
    inside = slice(SSIM_RADIUS, -SSIM_RADIUS)
    return float((likeness / size)[inside, inside].mean())


def _window(values: FloatArray) -> FloatArray:
    """Gaussian mean around each pixel of (H, W, 3) float32."""
    ndimage = load("scipy.ndimage")
    offsets = np.arange(-SSIM_RADIUS, SSIM_RADIUS + 1)
    kernel = np.exp(-0.5 * (offsets / SSIM_SIGMA) ** 2)
    kernel /= kernel.sum()
    rows: FloatArray = ndimage.correlate1d(values, kernel, axis=0)
    both: FloatArray = ndimage.correlate1d(rows, kernel, axis=1)
    return both


def landmark_distance(made: FloatArray, true: FloatArray) -> Figures:
    """AKD: mean distance of the landmarks (T, 478, 2) of each frame, in the unit of the landmarks."""
    _same_shape(made, true)
    distances: Figures = np.linalg.norm(made.astype(np.float64) - true, axis=-1).mean(axis=-1)
    return distances


def cosine(made: FloatArray, true: FloatArray) -> Figures:
    """Cosine of the identity vectors (T, D) of each frame, in [-1, 1]."""
    a, b = made.astype(np.float64), true.astype(np.float64)
    dots: Figures = (a * b).sum(-1) / np.maximum(
        np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1), 1e-12
    )
    return dots


def unit_length(features: FloatArray) -> FloatArray:
    """Features (C, H, W) with the vector of every pixel scaled to length one; zero vectors stay zero."""
    length = np.sqrt(np.einsum("chw,chw->hw", features, features))
    unit: FloatArray = features / np.maximum(length, 1e-8)
    return unit


def vgg_distance(made: list[FloatArray], true: list[FloatArray]) -> float:
    """Squared distance of unit-length feature vectors: mean over pixels, then over taps; in [0, 4].

    Zhang et al., "The Unreasonable Effectiveness of Deep Features", 2018, equation 1 without learned
    weights. ``made`` and ``true`` are the unit-length taps (C, H, W) of one frame each.
    """
    taps = []
    for a, b in zip(made, true, strict=True):
        difference = (a - b).ravel()
        taps.append(float(difference @ difference) / (a.shape[1] * a.shape[2]))
    return float(np.mean(taps))


def correlation(made: Figures, driving: Figures, least_deviation: float) -> float:
    """Pearson correlation of two curves (T,) over the frames where neither is NaN.

    NaN where the standard deviation of ``driving`` is below ``least_deviation`` (its curve is noise) or
    fewer than 5 frames are left; 0 where only ``made`` is constant, since it does not follow.
    """
    both = np.isfinite(made) & np.isfinite(driving)
    a, b = made[both], driving[both]
    if len(a) < 5 or b.std() < least_deviation:
        return float("nan")
    return 0.0 if a.std() < 1e-6 else float(np.corrcoef(a, b)[0, 1])


def _same_shape(made: NDArray[np.generic], true: NDArray[np.generic]) -> None:
    if made.shape != true.shape:
        raise ValueError(f"shapes differ: {made.shape} and {true.shape}")
