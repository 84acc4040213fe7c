"""Face Mesh, Iris and lips: 478 points on a face.

Kartynnik et al. 2019 (arXiv:1907.06724) for the mesh, Ablavatski et al. 2020 (arXiv:2006.11341) for lids and
irises. The iris model sees each eye enlarged, so its eyelid points replace the mesh's coarser ones; a network
of our own does the same for the lips.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reenact.face.sample import Square, as_input, sample
from reenact.runtime import Session
from reenact.types import FloatArray, Picture

MESH_SIZE, MESH_POINTS, MESH_MARGIN = 192, 468, 1.5
EYE_SIZE, EYE_MARGIN = 64, 2.3
IRIS_POINTS = 5
LIP_SIZE, LIP_SHARE = 64, 0.62  # side of the lips' square, as a share of the face's longer side

# Mesh index of each of the iris model's first 16 contour points: lower lid, then upper lid.
RIGHT_LIDS = [33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173]
LEFT_LIDS = [263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398]
# Mesh index of each of the lip network's points. From left to right: outer lips, upper and lower, then inner;
# then downwards the middle of the chin, and its outline from left to right.
MOUTH = [
    *(61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291),
    *(146, 91, 181, 84, 17, 314, 405, 321, 375),
    *(78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308),
    *(95, 88, 178, 87, 14, 317, 402, 318, 324),
    *(18, 200, 199, 175, 152, 176, 148, 377, 400),
]
RIGHT_CORNERS, LEFT_CORNERS = (33, 133), (263, 362)


class FaceMesh:
    """Places the 478 points of one face whose rough position is known."""

    def __init__(self, mesh: Session, iris: Session, lips: Session) -> None:
        """``mesh`` holds ``face_mesh.onnx``, ``iris`` ``iris.onnx`` and ``lips`` ``lips.onnx``."""
        self._mesh = mesh
        self._iris = iris
        self._lips = lips

    def __call__(self, picture: Picture, square: Square) -> tuple[FloatArray, float]:
        """Landmarks of the face inside ``square`` (which should be about 1.5 x the face, turned upright).

        Returns:
            (478, 2) float32 in picture pixels, and the presence score in [0, 1].
        """
        cut = sample(picture, square, MESH_SIZE)
        values, presence = self._mesh(input_1=as_input(cut, 0.0, 1.0))
        points = square.to_pixels(values.reshape(MESH_POINTS, 3)[:, :2] / MESH_SIZE)
        right = self._refine_eye(picture, points, RIGHT_LIDS, RIGHT_CORNERS, mirrored=False)
        left = self._refine_eye(picture, points, LEFT_LIDS, LEFT_CORNERS, mirrored=True)
        self._refine_lips(picture, points)
        score = 1 / (1 + float(np.exp(-presence.item())))
        return np.concatenate([points, right, left]), score

    def _refine_lips(self, picture: Picture, points: FloatArray) -> None:
        """Overwrite lips and chin in ``points``."""
        square = square_around_lips(points)
        (found,) = self._lips(picture=as_input(sample(picture, square, LIP_SIZE), 0.0, 1.0))
        points[MOUTH] = square.to_pixels(found[0])

    def _refine_eye(
        self,
        picture: Picture,
        points: FloatArray,
        lids: list[int],
        corners: tuple[int, int],
        *,
        mirrored: bool,
    ) -> FloatArray:
        """Overwrite the lid points of one eye in ``points``; return its 5 iris points, centre first.

        The iris model knows only right eyes: a left eye is shown to it mirrored.
        """
        first, second = points[corners[0]], points[corners[1]]
        across = (second - first) if not mirrored else (first - second)
        centre, side = (first + second) / 2, EYE_MARGIN * float(np.hypot(*across))
        square = Square(float(centre[0]), float(centre[1]), side, float(np.arctan2(across[1], across[0])))
        eye = sample(picture, square, EYE_SIZE)
        if mirrored:
            eye = eye[:, ::-1]
        contour, iris = self._iris(input_1=as_input(eye, 0.0, 1.0))
        points[lids] = _eye_points(contour, square, mirrored=mirrored)[: len(lids)]
        return _eye_points(iris, square, mirrored=mirrored)[:IRIS_POINTS]


def square_around_eyes(box: tuple[float, float, float, float], eyes: FloatArray) -> Square:
    """The mesh's input square for a detection: 1.5 x the box, turned so that the eyes are level."""
    side = MESH_MARGIN * max(box[2] - box[0], box[3] - box[1])
    return Square((box[0] + box[2]) / 2, (box[1] + box[3]) / 2, side, _tilt(eyes[0], eyes[1]))


def square_around_landmarks(landmarks: FloatArray) -> Square:
    """The mesh's input square for a face whose landmarks (478, 2) are known from a frame before."""
    angle = _tilt(landmarks[RIGHT_CORNERS[0]], landmarks[LEFT_CORNERS[0]])
    cos, sin = np.cos(angle), np.sin(angle)
    upright = landmarks[:MESH_POINTS] @ np.array([[cos, -sin], [sin, cos]])
    low, high = upright.min(0), upright.max(0)
    centre = (low + high) / 2 @ np.array([[cos, sin], [-sin, cos]])
    return Square(float(centre[0]), float(centre[1]), MESH_MARGIN * float((high - low).max()), angle)


def square_around_lips(landmarks: FloatArray) -> Square:
    """The lip network's input square for mesh points (468 or more, 2): level with the eyes."""
    side = LIP_SHARE * float(np.ptp(landmarks[:MESH_POINTS], axis=0).max())
    x, y = (float(value) for value in landmarks[MOUTH].mean(0))
    return Square(x, y, side, _tilt(landmarks[RIGHT_CORNERS[0]], landmarks[LEFT_CORNERS[0]]))


def _tilt(right_eye: NDArray[np.floating], left_eye: NDArray[np.floating]) -> float:
    return float(np.arctan2(left_eye[1] - right_eye[1], left_eye[0] - right_eye[0]))


def _eye_points(values: FloatArray, square: Square, *, mirrored: bool) -> FloatArray:
    unit = values.reshape(-1, 3)[:, :2] / EYE_SIZE
    if mirrored:
        unit = np.stack([1 - unit[:, 0], unit[:, 1]], -1)
    return square.to_pixels(unit)
