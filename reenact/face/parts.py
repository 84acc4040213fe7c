"""The parts of a face whose landmarks our own networks refine, each on an enlarged, level crop.

Face Mesh sees a whole face in 192 pixels, which is too coarse for lids and lips. Each part below defines the
points of its network and the crop.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reenact.face.square_sampling import Square
from reenact.types import FloatArray, Picture

MESH_POINTS = 468
RIGHT_CORNERS, LEFT_CORNERS = (33, 133), (263, 362)

# Pairs of mesh indices, the person's right one first, and what lies in the middle.
_OVAL = (
    *((109, 338), (67, 297), (103, 332), (54, 284), (21, 251), (162, 389), (127, 356), (234, 454), (93, 323)),
    *((132, 361), (58, 288), (172, 397), (136, 365), (150, 379), (149, 378), (176, 400), (148, 377)),
)
_BROWS = (
    *((70, 300), (63, 293), (105, 334), (66, 296), (107, 336)),
    *((46, 276), (53, 283), (52, 282), (65, 295), (55, 285)),
)
_NOSE_AND_CHEEKS = ((98, 327), (64, 294), (129, 358), (48, 278), (50, 280), (205, 425), (36, 266), (101, 330))
_MIDDLE = (10, 151, 9, 8, 168, 6, 197, 195, 5, 4, 1, 19, 2, 152)
_LIDS = tuple(
    zip(
        (33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173),
        (263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398),
        strict=True,
    )
)
_IRISES = ((468, 473), (469, 476), (470, 475), (471, 474), (472, 477))
_LIPS = (
    *((61, 291), (185, 409), (40, 270), (39, 269), (37, 267), (146, 375), (91, 321), (181, 405), (84, 314)),
    *((78, 308), (191, 415), (80, 310), (81, 311), (82, 312), (95, 324), (88, 318), (178, 402), (87, 317)),
)
_CHIN = ((176, 400), (148, 377))
_MIDDLE_OF_MOUTH = (0, 17, 13, 14, 18, 200, 199, 175, 152)


@dataclass(frozen=True)
class Part:
    """The landmarks of one network, and its input square.

    ``graph`` names its ONNX file; ``points`` (P) are mesh indices in the order of its output; ``anchors`` are
    those whose mean is the square's middle; ``share`` is the square's side over the face's longer side;
    ``size`` is the square's side in pixels. A ``mirrored`` part is flipped for its network.
    ``partners`` (P) are the positions in ``points`` of each point's partner; None where a part has one side.
    """

    graph: str
    points: tuple[int, ...]
    anchors: tuple[int, ...]
    share: float
    size: int
    mirrored: bool = False
    partners: tuple[int, ...] | None = None

    def square(self, landmarks: FloatArray) -> Square:
        """The input square on a face with mesh points (468 or more, 2), level with the eyes."""
        side = self.share * float(np.ptp(landmarks[:MESH_POINTS], axis=0).max())
        x, y = (float(value) for value in landmarks[list(self.anchors)].mean(0))
        return Square(x, y, side, line_angle(landmarks[RIGHT_CORNERS[0]], landmarks[LEFT_CORNERS[0]]))

    def network_view(self, picture: Picture) -> Picture:
        """The square (S, S, 3) as the network expects it."""
        return np.ascontiguousarray(picture[:, ::-1]) if self.mirrored else picture

    def mirror(self, points: FloatArray) -> FloatArray:
        """Points (P, 2), in [0, 1] across the square, as the network expects them; or back."""
        return mirror_points(points) if self.mirrored else points


def mirror_points(points: FloatArray) -> FloatArray:
    """Points (..., 2), in [0, 1] across a square, in the mirrored square."""
    return np.asarray(points * np.array([-1, 1]) + np.array([1, 0]), np.float32)


def line_angle(right_eye: FloatArray, left_eye: FloatArray) -> float:
    """Clockwise turn of the line through two points (2,), in radians."""
    return float(np.arctan2(left_eye[1] - right_eye[1], left_eye[0] - right_eye[0]))


def _symmetric_part(
    graph: str, pairs: tuple[tuple[int, int], ...], middle: tuple[int, ...], share: float, size: int
) -> Part:
    """A part with both sides: right points, left points, middle."""
    right, left = zip(*pairs, strict=True)
    points, count = (*right, *left, *middle), len(pairs)
    partners = (*range(count, 2 * count), *range(count), *range(2 * count, len(points)))
    return Part(graph, points, points, share, size, partners=partners)


def _eye(side: int) -> Part:
    points = tuple(pair[side] for pair in (*_LIDS, *_IRISES))
    return Part("eye", points, (RIGHT_CORNERS, LEFT_CORNERS)[side], 0.42, 64, mirrored=side == 1)


FACE = _symmetric_part("face", _OVAL + _BROWS + _NOSE_AND_CHEEKS, _MIDDLE, 1.3, 128)
RIGHT_EYE, LEFT_EYE = _eye(0), _eye(1)
LIPS = _symmetric_part("lips", _LIPS + _CHIN, _MIDDLE_OF_MOUTH, 0.62, 64)
PARTS = (FACE, RIGHT_EYE, LEFT_EYE, LIPS)
"""In the order of refinement: a later part overrides an earlier one."""

GRAPHS = tuple(dict.fromkeys(part.graph for part in PARTS))
