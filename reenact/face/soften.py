"""The area beyond the edges of a photo: its border, blurred more with the distance."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from reenact.types import FloatArray, Picture

# Shares of the longer side: at these distances from the edge the blur has these radii.
DISTANCES = (0.0, 0.02, 0.06, 0.15)
RADII = (0.0, 0.02, 0.06, 0.14)


def soften(image: Image.Image, inside: tuple[float, float, float, float]) -> Picture:
    """Blur a picture outside of a rectangle: (H, W, 3) uint8.

    Args:
        image: mode RGB; outside of ``inside`` it repeats the nearest pixel of the border.
        inside: x0, y0, x1, y1 in pixels; may itself reach beyond the picture. What lies in it stays.
    """
    longer = max(image.size)
    blur = np.interp(_distance(image.size, inside) / longer, DISTANCES, np.arange(len(DISTANCES)))[..., None]
    result = np.zeros((image.height, image.width, 3), np.float32)
    for level, radius in enumerate(RADII):
        blurred = image.filter(ImageFilter.GaussianBlur(radius * longer)) if radius else image
        result += np.asarray(blurred) * np.maximum(1 - np.abs(blur - level), 0).astype(np.float32)
    return (result + 0.5).astype(np.uint8)


def _distance(size: tuple[int, int], inside: tuple[float, float, float, float]) -> FloatArray:
    """How far each pixel lies from the rectangle: (H, W) float32, 0 in it."""
    x, y = (np.arange(length, dtype=np.float32) + 0.5 for length in size)
    across = np.maximum(np.maximum(inside[0] - x, x - inside[2]), 0)
    down = np.maximum(np.maximum(inside[1] - y, y - inside[3]), 0)
    return np.asarray(np.hypot(across, down[:, None]), np.float32)
