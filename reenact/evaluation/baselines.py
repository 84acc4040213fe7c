"""The two baselines: repeating the source, and warping it by its landmarks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageDraw

from reenact.evaluation.extras import load
from reenact.evaluation.judges import LandmarkJudge
from reenact.evaluation.methods import Candidate
from reenact.types import FloatArray, Picture

FINER = 4  # triangles are drawn at this multiple of the picture's size, since drawing rounds to pixels


class StaticSource:
    """Baseline that returns the unchanged source for every frame."""

    def reconstruct(self, frames: list[Picture]) -> Iterator[Picture]:
        """Repeat the first frame, once for each frame."""
        return (frames[0] for _ in frames)

    def animate(self, source: Picture, driving: list[Picture]) -> Iterator[Picture]:
        """Repeat the source, once for each driving frame."""
        return (source for _ in driving)

    def candidate(self) -> Candidate:
        """Both sides for ``run``."""
        return Candidate(self.reconstruct, self.animate)


class LandmarkWarp:
    """Baseline that warps the source, triangle by triangle, to the landmarks of the driving frames.

    It uses the landmarks that the judge uses, so its AKD is low by construction. It cannot open a mouth,
    close an eye or uncover hidden regions.
    """

    def __init__(self, judge: LandmarkJudge) -> None:
        self._judge = judge

    def reconstruct(self, frames: list[Picture]) -> Iterator[Picture]:
        """Absolute motion: warp to the landmarks of each frame."""
        landmarks = self._judge(frames).landmarks
        return self._warped(frames[0], landmarks[0], landmarks)

    def animate(self, source: Picture, driving: list[Picture]) -> Iterator[Picture]:
        """Relative motion: the driving motion since its first frame, scaled to the source's face."""
        start = self._judge([source]).landmarks[0]
        landmarks = self._judge(driving).landmarks
        scale = start.std(axis=0).mean() / landmarks[0].std(axis=0).mean()
        return self._warped(source, start, start + scale * (landmarks - landmarks[0]))

    def candidate(self) -> Candidate:
        """Both sides for ``run``."""
        return Candidate(self.reconstruct, self.animate)

    def _warped(self, source: Picture, start: FloatArray, targets: FloatArray) -> Iterator[Picture]:
        pixels = source.shape[0] / 256
        last = start
        for target in targets:
            last = target if np.isfinite(target).all() else last  # without a face: keep the previous pose
            yield warp(source, start * pixels, last * pixels) if np.isfinite(last).all() else source


def warp(source: Picture, start: FloatArray, target: FloatArray) -> Picture:
    """Piecewise-affine warp that moves the points ``start`` of the source to ``target``.

    Args:
        source: (H, W, 3) uint8.
        start: points (N, 2) px of the source, x and y.
        target: their new positions (N, 2) px. The picture's corners and edge midpoints stay fixed.

    Returns:
        (H, W, 3) uint8; samples from outside repeat the edge.
    """
    height, width = source.shape[:2]
    fixed = np.array([(x, y) for x in (0, width / 2, width) for y in (0, height / 2, height)])
    fixed = fixed[(fixed != (width / 2, height / 2)).any(axis=1)]
    inside = ((target > 0) & (target < (width, height))).all(axis=1)  # the others would cross the fixed edge
    corners, origins = np.concatenate([target[inside], fixed]), np.concatenate([start[inside], fixed])
    places = np.moveaxis(_pull(corners, origins, (height, width))[..., ::-1] - 0.5, -1, 0)
    sample = load("scipy.ndimage").map_coordinates
    channels = [sample(source[..., c].astype(np.float32), places, order=1, mode="nearest") for c in range(3)]
    moved: Picture = np.clip(np.round(np.stack(channels, axis=-1)), 0, 255).astype(np.uint8)
    return moved


def _pull(corners: FloatArray, origins: FloatArray, size: tuple[int, int]) -> FloatArray:
    """Source position of each pixel (H, W, 2) px, linear in every Delaunay triangle of ``corners`` (N, 2).

    The triangles are drawn, not searched: scipy's search takes seconds where closed lips and lids make
    triangles of zero area. A pixel drawn just outside its triangle is extrapolated by a negligible amount.
    """
    triangles = load("scipy.spatial").Delaunay(corners).simplices
    canvas = Image.new("I", (size[1] * FINER, size[0] * FINER))
    draw = ImageDraw.Draw(canvas)
    for index, corner in enumerate(corners[triangles] * FINER - 0.5):
        draw.polygon([(float(x), float(y)) for x, y in corner], fill=index, outline=index)
    drawn = triangles[np.asarray(canvas)[FINER // 2 :: FINER, FINER // 2 :: FINER]]
    a, b, c = np.moveaxis(corners[drawn].astype(np.float64), -2, 0)
    y, x = np.mgrid[: size[0], : size[1]] + 0.5
    pixel = np.stack([x, y], -1)
    area = _cross(b - a, c - a)
    area = np.where(np.abs(area) < 1e-6, 1e-6, area)
    weights = np.stack(
        [_cross(b - pixel, c - pixel), _cross(c - pixel, a - pixel), _cross(a - pixel, b - pixel)], -1
    )
    weights = np.clip(weights / area[..., None], -0.1, 1.1)
    weights /= np.maximum(weights.sum(-1, keepdims=True), 1e-6)
    pulled: FloatArray = np.einsum("hwk,hwkc->hwc", weights, origins[drawn])
    return pulled


def _cross(a: FloatArray, b: FloatArray) -> FloatArray:
    """Twice the signed area between vectors (..., 2)."""
    twice: FloatArray = a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    return twice
