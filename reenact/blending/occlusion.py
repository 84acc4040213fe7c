"""Detect occluders of the clip's face (a hand, hair, a microphone), which must stay in front of the new face.

A small network (``reenact.blending.network``) sees the face and, if available, a picture of the same face
rebuilt without occluders. Differences between the two are occluders, or movement that the network has learnt
to ignore.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from reenact.face.parts import MESH_POINTS
from reenact.face.square_sampling import Square, sample_square, to_network_input
from reenact.runtime import Session
from reenact.types import FloatArray, Picture

SIZE = 128  # pixels of the network's square
SIDE = 256  # pixels of the returned mask
ROOM = 1.25  # the square's side over the longer side of the face
# Hysteresis thresholds: certain, the same without a rebuilt face, and likely.
SURE, ALONE, LIKELY = 0.65, 0.8, 0.08
OVAL = (  # mesh points of the face's outline
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
    *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)
REACH = 20  # pixels of the network: largest distance of a likely pixel from a certain one


class OcclusionDetector:
    """Marks what is in front of a face. Safe to share between threads."""

    def __init__(self, network: Session) -> None:
        """``network`` holds ``occlusion.onnx``."""
        self._network = network

    def __call__(self, square: Picture, landmarks: FloatArray, rebuilt: Picture | None = None) -> FloatArray:
        """Mask of the occluders of the face.

        Args:
            square: (S, S, 3), the clip's square around the face, roughly upright.
            landmarks: (478, 2) of this face, in pixels of the square.
            rebuilt: (S, S, 3), the clip's own face rendered in this pose from a frame without occluders; None
                if there is no such frame, which is less reliable.

        Returns:
            (256, 256) float32 in [0, 1] across the square: 1 where something is in front of the face. Outside
            the face's outline it is undefined: background may be 1. Beyond ``face_square`` it is 0.
        """
        where = face_square(landmarks)
        picture = to_network_input(sample_square(square, where, SIZE), 0.0, 1.0)
        own = (
            np.zeros_like(picture)
            if rebuilt is None
            else to_network_input(sample_square(rebuilt, where, SIZE), 0.0, 1.0)
        )
        (found,) = self._network(picture=picture, own=own)
        return _placed(
            _connected(found[0], _inside(landmarks, where), ALONE if rebuilt is None else SURE),
            where,
            len(square),
        )


def face_square(landmarks: FloatArray) -> Square:
    """The network's view of a face with mesh points (468 or more, 2): 1.25 times its longer side."""
    low, high = landmarks[:MESH_POINTS].min(0), landmarks[:MESH_POINTS].max(0)
    x, y = (float(value) for value in (low + high) / 2)
    return Square(x, y, ROOM * float((high - low).max()))


def smoothed(before: FloatArray, now: FloatArray, after: FloatArray) -> FloatArray:
    """The mask ``now`` without detections, and without gaps, of a single frame.

    A detection with nothing within 16 pixels in the adjacent frames is an error: a finger moves less. At a
    clip's ends and at cuts, pass ``now`` for the missing frame. All (H, W) float32; H, W multiples of 8.
    """
    beside = np.maximum(_widened(before), _widened(after))
    return np.asarray(np.maximum(np.minimum(before, after), np.minimum(now, beside)), np.float32)


def _widened(alpha: FloatArray) -> FloatArray:
    """The largest value within about 16 pixels, (H, W), in blocks of 8."""
    height, width = alpha.shape
    blocks = np.pad(alpha.reshape(height // 8, 8, width // 8, 8).max((1, 3)), 2)
    windows = np.lib.stride_tricks.sliding_window_view(blocks, (5, 5)).max((2, 3))
    return np.asarray(windows.repeat(8, 0).repeat(8, 1))


def _inside(landmarks: FloatArray, where: Square) -> NDArray[np.bool_]:
    """Mask of the face in the network's square, (SIZE, SIZE)."""
    image = Image.new("1", (SIZE, SIZE))
    points = where.from_pixels(landmarks[list(OVAL)]) * SIZE
    ImageDraw.Draw(image).polygon([(float(x), float(y)) for x, y in points], fill=1)
    return np.asarray(image)


def _connected(found: FloatArray, face: NDArray[np.bool_], least: float) -> FloatArray:
    """Mask (S, S) in [0, 1] from the network's probabilities, by hysteresis thresholding (Canny 1986).

    A hand has the face's colour and often a medium probability, but is certain somewhere. Medium probability
    without a certain pixel nearby is an error. Certain pixels count only on the ``face`` (S, S).
    """
    sure, likely = _grown(~_grown((found <= least) | ~face)), found > LIKELY
    for _ in range(REACH if sure.any() else 0):
        sure = _grown(sure) & likely
    return np.asarray(np.where(sure, np.clip(found / LIKELY - 0.5, 0, 1), 0), np.float32)


def _grown(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask (H, W), dilated by one pixel."""
    wide = np.pad(mask, 1)
    rows = wide[:-2] | wide[1:-1] | wide[2:]
    return np.asarray(rows[:, :-2] | rows[:, 1:-1] | rows[:, 2:])


def _placed(alpha: FloatArray, where: Square, side: int) -> FloatArray:
    """(SIZE, SIZE) over ``where`` -> (SIDE, SIDE) over the whole square of ``side`` pixels, interpolated."""
    step = SIZE / where.side * side / SIDE
    left, top = ((centre - where.side / 2) * SIZE / where.side for centre in (where.x, where.y))
    image = Image.fromarray(alpha).transform(
        (SIDE, SIDE), Image.Transform.AFFINE, (step, 0, -left, 0, step, -top), Image.Resampling.BILINEAR
    )
    return np.asarray(image, np.float32)
