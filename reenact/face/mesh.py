"""Face Mesh with refinement: 478 landmarks on a face.

Kartynnik et al. 2019 (arXiv:1907.06724) for the mesh. Its input has 192 pixels; our own
networks then refine the points of single parts of the face (see ``reenact.face.parts``).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from reenact.face.parts import (
    LEFT_CORNERS,
    MESH_POINTS,
    PARTS,
    RIGHT_CORNERS,
    Part,
    line_angle,
    mirror_points,
)
from reenact.face.square_sampling import Square, sample_square, to_network_input
from reenact.runtime import Session
from reenact.types import FloatArray, Picture

MESH_SIZE, MESH_MARGIN = 192, 1.5
IRIS_POINTS = 10  # of both eyes


class FaceMesh:
    """Landmarks of one face whose rough position is known."""

    def __init__(self, mesh: Session, parts: Mapping[str, Session]) -> None:
        """``mesh`` holds ``face_mesh.onnx``; ``parts`` the graphs that ``reenact.face.parts`` names."""
        self._mesh, self._parts = mesh, parts

    def __call__(self, picture: Picture, square: Square) -> tuple[FloatArray, float]:
        """Landmarks of the face inside ``square`` (which should be about 1.5 x the face, turned upright).

        Returns:
            (478, 2) float32 in picture pixels, and the presence score in [0, 1].
        """
        cut = sample_square(picture, square, MESH_SIZE)
        values, presence = self._mesh(input_1=to_network_input(cut, 0.0, 1.0))
        rough = square.to_pixels(values.reshape(MESH_POINTS, 3)[:, :2] / MESH_SIZE)
        points = np.concatenate([rough, np.zeros((IRIS_POINTS, 2), np.float32)])
        for part in PARTS:
            points[list(part.points)] = self.locate_part(picture, part, part.square(rough))
        return points, 1 / (1 + float(np.exp(-presence.item())))

    def locate_part(self, picture: Picture, part: Part, square: Square) -> FloatArray:
        """A part's points (P, 2) in picture pixels."""
        seen = part.network_view(sample_square(picture, square, part.size))
        points = self._infer(part, seen)
        if part.partners is not None:  # a second pass on the mirrored part; averaging reduces the error
            mirrored = self._infer(part, seen[:, ::-1])[list(part.partners)]
            points = np.asarray((points + mirror_points(mirrored)) / 2, np.float32)
        return square.to_pixels(part.mirror(points))

    def _infer(self, part: Part, seen: Picture) -> FloatArray:
        (found,) = self._parts[part.graph](picture=to_network_input(seen, 0.0, 1.0))
        return np.asarray(found[0])


def square_around_eyes(box: tuple[float, float, float, float], eyes: FloatArray) -> Square:
    """The mesh's input square for a detection: 1.5 x the box, turned so that the eyes are level."""
    side = MESH_MARGIN * max(box[2] - box[0], box[3] - box[1])
    return Square((box[0] + box[2]) / 2, (box[1] + box[3]) / 2, side, line_angle(eyes[0], eyes[1]))


def square_around_landmarks(landmarks: FloatArray) -> Square:
    """The mesh's input square for a face whose landmarks (478, 2) are known from a frame before."""
    angle = line_angle(landmarks[RIGHT_CORNERS[0]], landmarks[LEFT_CORNERS[0]])
    cos, sin = np.cos(angle), np.sin(angle)
    upright = landmarks[:MESH_POINTS] @ np.array([[cos, -sin], [sin, cos]])
    low, high = upright.min(0), upright.max(0)
    centre = (low + high) / 2 @ np.array([[cos, sin], [-sin, cos]])
    return Square(float(centre[0]), float(centre[1]), MESH_MARGIN * float((high - low).max()), angle)
