"""Where the rendered face replaces the frame.

In the frame, hair, ears and neck adjoin the outline of the clip's face. The selfie's outline may lie further
in or out. The mask is the intersection of both, so that neither the selfie's background nor a second cheek or
chin is visible.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from reenact.landmarks import MESH_INDICES
from reenact.types import FloatArray

OVAL = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
    *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)
"""The mesh's outline, from the middle of the forehead clockwise in the picture."""
NOSE = (6, 122, 196, 3, 51, 45, 44, 19, 274, 275, 281, 248, 419, 351)  # around ridge and tip
BROWS = (70, 63, 105, 66, 107, 55, 65, 52, 53, 46), (300, 293, 334, 296, 336, 285, 295, 282, 283, 276)
_KNOWN = tuple(index for index in OVAL if index in MESH_INDICES)  # of the outline, among the driven landmarks
_WORK = 256  # resolution at which the mask is computed: it has no fine detail
_FINER = 4  # supersampling of the polygons, against flicker
_FEATHER = 0.036  # standard deviation of the feather, as a share of the face's size
_BROW_FEATHER, _BROW_MARGIN = 0.018, 0.035
_BORDER = 0.03  # share of the square; the mask falls to 0 at its edge


def mask(landmarks: FloatArray, driven: FloatArray, size: int) -> FloatArray:
    """Opacity of the rendered face in each pixel of the square.

    Args:
        landmarks: (478, 2) of the clip's face, in pixels of the square.
        driven: (L, 2) landmarks of the pose that was rendered, in crop units of the square; in the order of
            ``reenact.landmarks.MESH_INDICES``.
        size: side S of the square in pixels.

    Returns:
        (S, S) float32 in [0, 1]; 0 outside either outline and at the square's edge. The selfie's outline is
        known at six points and interpolated in between.
    """
    clip = (np.asarray(landmarks, np.float64) * (_WORK / size)).astype(np.float32)
    selfie = displaced(clip, (np.asarray(driven, np.float32) + 1) * (_WORK / 2))
    scale = face_size(clip)
    both = ImageChops.darker(_outline(clip), _outline(selfie))
    alpha = np.maximum(_feathered(both, _FEATHER * scale), _brows(clip, both, scale)) * _edge()
    wide = Image.fromarray(alpha).resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(wide, np.float32)


def face_size(landmarks: FloatArray) -> float:
    """Square root of the outline's area, in pixels; nearly constant under head rotation."""
    x, y = landmarks[list(OVAL)].T
    return float(np.sqrt(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2))


def displaced(clip: FloatArray, driven: FloatArray) -> FloatArray:
    """The clip's landmarks with outline and nose moved to where the driven ones (L, 2) lie.

    Between the outline's six driven landmarks, displacements are interpolated along it.
    """
    moved = clip.copy()
    shift = {index: driven[at] - clip[index] for at, index in enumerate(MESH_INDICES)}
    places, known = [OVAL.index(index) for index in _KNOWN], np.stack([shift[index] for index in _KNOWN])
    for axis in (0, 1):
        along = np.interp(np.arange(len(OVAL)), places, known[:, axis], period=len(OVAL))
        moved[list(OVAL), axis] += along
    moved[list(NOSE)] += shift[1]
    return moved


def _outline(points: FloatArray) -> Image.Image:
    """The outline and the nose, which extends beyond it in profile views."""
    return _drawn([points[list(OVAL)], points[list(NOSE)]])


def _drawn(polygons: list[FloatArray]) -> Image.Image:
    image = Image.new("L", (_WORK * _FINER, _WORK * _FINER))
    draw = ImageDraw.Draw(image)
    for points in polygons:
        draw.polygon([(float(x), float(y)) for x, y in points * _FINER], fill=255)
    return image.reduce(_FINER)


def _feathered(image: Image.Image, sigma: float) -> FloatArray:
    """A ramp from 0 at the outline to 1 two standard deviations inside."""
    soft = np.asarray(image.filter(ImageFilter.GaussianBlur(sigma)), np.float32) / 255
    share = np.clip((soft - 0.5) / 0.47, 0, 1)
    return np.asarray(share * share * (3 - 2 * share), np.float32)


def _brows(clip: FloatArray, both: Image.Image, scale: float) -> FloatArray:
    """The clip's brows with a margin: partly replaced brows would show twice."""
    polygons = []
    for brow in BROWS:
        points = clip[list(brow)]
        outwards = points - points.mean(0)
        length = np.linalg.norm(outwards, axis=1, keepdims=True)
        polygons.append(points + outwards / np.maximum(length, 1e-3) * _BROW_MARGIN * scale)
    return _feathered(ImageChops.darker(_drawn(polygons), both), _BROW_FEATHER * scale)


def _edge() -> FloatArray:
    """A ramp (W, W) from 0 at the square's edge to 1 slightly inside."""
    centres = (np.arange(_WORK, dtype=np.float32) + 0.5) / _WORK
    ramp = np.clip(np.minimum(centres, 1 - centres) / _BORDER - 0.25, 0, 1)
    return np.asarray(np.minimum(ramp[:, None], ramp[None]), np.float32)
