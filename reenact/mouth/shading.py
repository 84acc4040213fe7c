"""Drawing operations on float pictures; polygons and blur use Pillow."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from reenact.types import FloatArray

_SUPERSAMPLING = 4


def smoothstep(values: NDArray[np.floating] | float, low: float, high: float) -> FloatArray:
    """0 up to ``low``, 1 from ``high`` on, and the cubic 3t^2 - 2t^3 between them."""
    share = np.clip((np.asarray(values, np.float32) - low) / (high - low), 0, 1)
    return np.asarray(share * share * (3 - 2 * share), np.float32)


def polygon(points: NDArray[np.floating], width: int, height: int) -> FloatArray:
    """Coverage (H, W) in [0, 1] of a closed polygon (N, 2), in pixels."""
    scale = _SUPERSAMPLING
    image = Image.new("L", (width * scale, height * scale))
    ImageDraw.Draw(image).polygon([(float(x) * scale, float(y) * scale) for x, y in points], fill=255)
    return np.asarray(image.reduce(scale), np.float32) / np.float32(255)


def blur(values: NDArray[np.floating], sigma: float) -> FloatArray:
    """Gaussian blur of (H, W) in [0, 1] or (H, W, 3) in [0, 255], computed in 8 bits."""
    scale = np.float32(255 if values.ndim == 2 else 1)
    image = Image.fromarray(np.clip(values * scale + 0.5, 0, 255).astype(np.uint8))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(sigma)), np.float32) / scale


def alpha_over(below: FloatArray, colour: NDArray[np.floating], alpha: NDArray[np.floating]) -> FloatArray:
    """``colour`` (H, W, 3) composited over ``below`` (H, W, 3) with ``alpha`` (H, W) in [0, 1]."""
    return np.asarray(below + (colour - below) * alpha[..., None], np.float32)


def closed_curve(points: FloatArray, steps: int = 4) -> FloatArray:
    """A Catmull-Rom spline through a ring of points (N, 2): (N * steps, 2)."""
    before, after, later = np.roll(points, 1, 0), np.roll(points, -1, 0), np.roll(points, -2, 0)
    t = (np.arange(steps, dtype=np.float32) / steps)[None, :, None]
    p0, p1, p2, p3 = (each[:, None] for each in (before, points, after, later))
    curve = p1 + t / 2 * ((p2 - p0) + t * ((2 * p0 - 5 * p1 + 4 * p2 - p3) + t * (3 * p1 - p0 - 3 * p2 + p3)))
    return np.asarray(curve.reshape(-1, 2), np.float32)
