"""Metrics of unwanted motion: in the background, and in frames where the driving face is still."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from reenact.evaluation.extras import load
from reenact.evaluation.metrics import Clip, Figures
from reenact.types import FloatArray, Picture

Mask = NDArray[np.bool_]

HEAD_MARGIN = 0.35  # of the face's height: covers hair, ears and neck around the landmarks' hull
STILL = 0.5  # px per frame at 256: mean landmark movement below which the driving counts as still


def head_mask(landmarks: FloatArray, size: tuple[int, int]) -> Mask:
    """Mask of the head (H, W) bool: the hull of the landmarks (N, 2) in px, dilated by 0.35 face heights."""
    hull = load("scipy.spatial").ConvexHull(landmarks)
    outline = [(float(x) - 0.5, float(y) - 0.5) for x, y in landmarks[hull.vertices]]
    canvas = Image.new("1", (size[1], size[0]))
    ImageDraw.Draw(canvas).polygon(outline, fill=1, outline=1)
    inside = np.asarray(canvas, dtype=bool)
    if not inside.any():
        return inside
    distance = load("scipy.ndimage").distance_transform_edt(~inside)
    widened: Mask = distance <= HEAD_MARGIN * np.ptp(landmarks[:, 1])
    return widened


def background_change(
    made: Clip, source: Picture, made_landmarks: FloatArray, landmarks: FloatArray
) -> Figures:
    """L1 in [0, 1] between each frame and the source (H, W, 3), outside the head of both.

    Args:
        made: (T, H, W, 3) uint8.
        source: the selfie (H, W, 3) uint8.
        made_landmarks: (T, N, 2) px, NaN where a frame has no face; its result is then NaN too.
        landmarks: of the source (N, 2) px.

    Returns:
        (T,) values; NaN also where the head fills the frame.
    """
    values = np.full(len(made), np.nan)
    if not np.isfinite(landmarks).all():
        return values
    still = head_mask(landmarks, source.shape[:2])
    for index, (frame, points) in enumerate(zip(made, made_landmarks, strict=True)):
        if np.isfinite(points).all():
            outside = ~(still | head_mask(points, source.shape[:2]))
            if outside.any():
                values[index] = np.abs(frame.astype(np.int16) - source)[outside].mean() / 255
    return values


def flicker(made: Clip, driving_landmarks: FloatArray) -> Figures:
    """Frame-to-frame L1 in [0, 1] in the frames where the driving is still; possibly empty.

    ``driving_landmarks`` is (T, N, 2) px at 256. Real footage is not 0 either: noise and compression.
    """
    steps = np.linalg.norm(np.diff(driving_landmarks, axis=0), axis=-1).mean(axis=-1)
    moments = np.flatnonzero(steps < STILL)  # a NaN step is not still
    return np.array([np.abs(made[t + 1].astype(np.int16) - made[t]).mean() / 255 for t in moments])
