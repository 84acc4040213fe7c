"""Extraction of rotated squares from many frames: like ``extract_crop``, in a tenth of its time."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageFilter

from reenact.face.soften import DISTANCES, RADII
from reenact.types import Crop, FloatArray, Picture

_COARSE = 64  # side in pixels at which the area beyond the frame is blurred; it has no fine detail
_CORNERS = np.array([[-1, -1], [1, -1], [-1, 1], [1, 1]])


def extract_upright(picture: Picture, crop: Crop, size: int) -> Picture:
    """The crop's content as (size, size, 3) uint8; edge pixels are repeated beyond the picture."""
    fewer = max(1, int(crop.side / size))
    corners = crop.to_pixels(_CORNERS)
    left, top = (math.floor(value) - fewer for value in corners.min(0))
    right, bottom = (math.ceil(value) + fewer for value in corners.max(0))
    region = Image.fromarray(_region(picture, left, top, right, bottom))
    if fewer > 1:
        region = region.reduce(fewer)
    (x, y), right_end, low_end = ((corners[:3] - np.array([left, top])) / fewer).astype(np.float64)
    across, down = (right_end - (x, y)) / size, (low_end - (x, y)) / size
    coefficients = (across[0], down[0], x, across[1], down[1], y)
    way, filter = Image.Transform.AFFINE, Image.Resampling.BICUBIC
    return np.asarray(region.transform((size, size), way, coefficients, filter))


def extract_softened(picture: Picture, crop: Crop, size: int) -> Picture:
    """The same as input of the networks: the area beyond the picture is blurred, see ``soften``."""
    found = extract_upright(picture, crop, size)
    beyond = _beyond(crop, picture.shape)
    if not beyond.any():
        return found
    level = np.interp(beyond, DISTANCES, np.arange(len(DISTANCES))).astype(np.float32)
    coarse = Image.fromarray(found).resize((_COARSE, _COARSE), Image.Resampling.BOX)
    blurred = np.zeros((_COARSE, _COARSE, 3), np.float32)
    for number, radius in enumerate(RADII[1:], 1):
        share = np.maximum(1 - np.abs(np.maximum(level, 1) - number), 0)[..., None]
        blurred += np.asarray(coarse.filter(ImageFilter.GaussianBlur(radius * _COARSE))) * share
    soft = Image.fromarray((blurred + 0.5).astype(np.uint8)).resize((size, size), Image.Resampling.BILINEAR)
    shown = Image.fromarray((np.minimum(level, 1) * 255).astype(np.uint8))
    mask = shown.resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(Image.composite(soft, Image.fromarray(found), mask))


def _region(picture: Picture, left: int, top: int, right: int, bottom: int) -> Picture:
    """A part of a picture; edge pixels are repeated where the part reaches beyond it."""
    height, width = picture.shape[:2]
    if left >= 0 and top >= 0 and right <= width and bottom <= height:
        return np.ascontiguousarray(picture[top:bottom, left:right])
    rows, columns = np.arange(top, bottom).clip(0, height - 1), np.arange(left, right).clip(0, width - 1)
    return np.asarray(picture[rows[:, None], columns], np.uint8)


def _beyond(crop: Crop, shape: tuple[int, ...]) -> FloatArray:
    """Distance of the crop's pixels from the picture, in crop sides: (64, 64) float32, 0 inside."""
    at = (np.arange(_COARSE) + 0.5) / _COARSE * 2 - 1
    x, y = np.moveaxis(crop.to_pixels(np.stack(np.meshgrid(at, at), -1)), -1, 0)
    across = np.maximum(np.maximum(-x, x - shape[1]), 0)
    down = np.maximum(np.maximum(-y, y - shape[0]), 0)
    return np.asarray(np.hypot(across, down) / crop.side, np.float32)
