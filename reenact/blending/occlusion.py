"""What is in front of the clip's face - a hand, hair, a microphone - and must stay there when it is swapped.

A small network of our own (``reenact.blending.network``) looks at the face, and, where there is one, at a
picture of the same face rebuilt without what is in front: what the two do not share is in front, or movement
that it has learnt to let pass.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from reenact.face.parts import MESH_POINTS
from reenact.face.square_sampling import Square, sample_square, to_network_input
from reenact.runtime import Session
from reenact.types import FloatArray, Picture

SIZE = 128  # pixels of the network's square
SIDE = 256  # of what is returned
ROOM = 1.25  # the square's side over the longer side of the face
SURE = (0.3, 0.7)  # below and above there is nothing and all in front; between them it is blended


class OcclusionDetector:
    """Marks what is in front of a face. Safe to share between threads."""

    def __init__(self, network: Session) -> None:
        """``network`` holds ``occlusion.onnx``."""
        self._network = network

    def __call__(self, square: Picture, landmarks: FloatArray, rebuilt: Picture | None = None) -> FloatArray:
        """What is in front of the face.

        Args:
            square: (S, S, 3), the clip's square around the face, which is about upright in it.
            landmarks: (478, 2) of this face, in pixels of the square.
            rebuilt: (S, S, 3), the clip's own face drawn anew in this pose from a frame with nothing in
                front; None where there is no such frame, which costs some certainty.

        Returns:
            (256, 256) float32 in [0, 1] across the square: 1 where something is in front of the face. Farther
            from the face than ``face_square`` reaches it is 0.
        """
        where = face_square(landmarks)
        picture = to_network_input(sample_square(square, where, SIZE), 0.0, 1.0)
        own = (
            np.zeros_like(picture)
            if rebuilt is None
            else to_network_input(sample_square(rebuilt, where, SIZE), 0.0, 1.0)
        )
        (found,) = self._network(picture=picture, own=own)
        low, high = SURE
        alpha = np.clip((found[0] - low) / (high - low), 0, 1)
        return _placed(np.asarray(alpha, np.float32), where, len(square))


def face_square(landmarks: FloatArray) -> Square:
    """What the network sees of a face with mesh points (468 or more, 2): a fourth wider than it."""
    low, high = landmarks[:MESH_POINTS].min(0), landmarks[:MESH_POINTS].max(0)
    x, y = (float(value) for value in (low + high) / 2)
    return Square(x, y, ROOM * float((high - low).max()))


def smoothed(before: FloatArray, now: FloatArray, after: FloatArray) -> FloatArray:
    """The median over three frames, pixel by pixel: what shows in one frame alone was an error.

    At a clip's ends and at cuts, give ``now`` in the place of what is missing. All (H, W) float32.
    """
    return np.asarray(np.maximum(np.minimum(before, now), np.minimum(np.maximum(before, now), after)))


def _placed(alpha: FloatArray, where: Square, side: int) -> FloatArray:
    """(SIZE, SIZE) over ``where`` -> (SIDE, SIDE) over the whole square of ``side`` pixels, smoothly."""
    step = SIZE / where.side * side / SIDE
    left, top = ((centre - where.side / 2) * SIZE / where.side for centre in (where.x, where.y))
    image = Image.fromarray(alpha).transform(
        (SIDE, SIDE), Image.Transform.AFFINE, (step, 0, -left, 0, step, -top), Image.Resampling.BILINEAR
    )
    return np.asarray(image, np.float32)
