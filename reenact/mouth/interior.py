"""The inside of one selfie's mouth, drawn into every frame in which the mouth opens.

The networks see a mouth in 45 pixels and render its inside blurred. It is simple and rigid, so it is drawn
instead, as by Bregler et al. (Video Rewrite, 1997) and Suwajanakorn et al. (2017). Upper teeth follow the
skull, lower teeth and tongue the jaw. All is clipped to the inner lips of the rendered frame.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from reenact.face.mesh import FaceMesh
from reenact.face.parts import LIPS, line_angle
from reenact.face.square_sampling import Square
from reenact.landmarks import MESH_INDICES
from reenact.mouth.layers import LIP_SHADE, MouthRegion, cavity, lower_teeth, tongue, upper_teeth
from reenact.mouth.light import estimate_light
from reenact.mouth.shading import blur, closed_curve, smoothstep
from reenact.mouth.teeth import (
    EYE_CORNERS,
    HEIGHT,
    INNER_LIPS,
    Teeth,
    extract_teeth,
    nearest_teeth,
    strip_transform,
)
from reenact.types import FloatArray, Picture

_PLACES = {index: place for place, index in enumerate(MESH_INDICES)}
_SKULL = [_PLACES[index] for index in (33, 133, 362, 263, 1, 10, 234, 454)]
_MOUTH = [_PLACES[index] for index in (0, 17, 13, 14, 152)]
_RING = [LIPS.points.index(index) for index in INNER_LIPS]
# Ring positions of upper and lower rim, for each half from its middle towards the corner of the mouth
_HALVES = ((3, 17), (2, 18), (1, 19)), ((7, 13), (8, 12), (9, 11))
_TAPER = (0.9, 0.72)  # largest gap, as a share of the next one further in

# Distances are in eye distances: the distance of the outer eye corners
_UPPER_EDGE = 0.315  # of the incisors' edge below the nose, mean over the bank's photos
_EDGE_BELOW_LIP = 0.02, 0.085  # of the incisors' edge below a selfie's upper lip: least and most
# Least in a frame: share of the gap, and upper limit; first while talking, then in a smile. A smile raises a
# lip that is low at rest, which the pose of the skull does not show
_EDGE_SHOWN = (0.3, 0.06), (0.65, 0.105)
_SMILE = 1.1, 1.3  # width of the inner lips over that at rest: a smile begins, and is certain
_OPEN = 0.05  # gap from which a selfie shows the inside of its own mouth
_DRAWN = 0.03, 0.075  # gap at which the drawn inside begins to show, and at which it is opaque
_DRAWN_BEYOND = 0.03, 0.08  # the same beyond the selfie's own gap, for a mouth open in the selfie


class MouthInterior:
    """The mouth of one selfie; safe to share between threads."""

    def __init__(
        self, mesh: FaceMesh, picture: Picture, landmarks: FloatArray, keypoints: FloatArray
    ) -> None:
        """Choose its teeth and estimate its light.

        Args:
            mesh: locates the lips in frames.
            picture: the selfie's square at the size of the result, (S, S, 3) uint8.
            landmarks: of the face, (478, 2) in pixels of ``picture``.
            keypoints: landmarks of the source (L, 2), in crop units.
        """
        self._mesh, self._source = mesh, keypoints
        self._light = estimate_light(picture, landmarks)
        self._square = LIPS.square(landmarks)
        self._eyes = float(np.linalg.norm(landmarks[EYE_CORNERS[0]] - landmarks[EYE_CORNERS[1]]))
        self._gap = float(np.linalg.norm(landmarks[13] - landmarks[14])) / self._eyes
        self._width = float(np.linalg.norm(landmarks[78] - landmarks[308]))
        own = extract_teeth(picture, landmarks) if self._gap >= _OPEN else None
        if own:  # they already have the selfie's light
            self._light = replace(self._light, white=np.full(3, own.brightness / LIP_SHADE, np.float32))
        self._teeth, edge = _choose_teeth(landmarks, own)
        units = edge / len(picture) * 2 - 1
        self._at_rest = np.append(units, 1).astype(np.float32)
        matrix, _ = strip_transform(landmarks)
        self._across = np.linalg.inv(matrix).astype(np.float32)  # strip pixels to pixels of the square

    def draw(self, picture: Picture, landmarks: FloatArray) -> Picture:
        """The frame (S, S, 3) uint8 with the inside of the mouth drawn, if it is open.

        Args:
            picture: the rendered frame, of the selfie's size.
            landmarks: its driving landmarks, (L, 2) in crop units.
        """
        skull = _fit_affine(self._source[_SKULL], landmarks[_SKULL])
        ring = self._inner_lips(picture, landmarks, skull)
        upper, lower = ring[5], ring[15]
        gap = float(np.linalg.norm(lower - upper)) / self._eyes
        strength = self._strength(gap)
        if strength <= 0:
            return picture
        size = float(np.sqrt(abs(np.linalg.det(skull[:2]))))
        wider = float(np.linalg.norm(ring[0] - ring[10])) / (size * self._width)
        edge = _shown(
            np.asarray((self._at_rest @ skull + 1) / 2 * len(picture), np.float32), ring, self._eyes, wider
        )
        frame = MouthRegion.from_outline(
            closed_curve(_taper_corners(ring)), ring, edge, self._eyes, len(picture)
        )
        matrix = skull[:2].T @ self._across
        inside = self._paint(frame, np.asarray(matrix, np.float32))
        return frame.blend(picture, inside, strength)

    def _strength(self, gap: float) -> float:
        """Opacity of the drawing in [0, 1]: 0 up to the gap that the selfie itself shows."""
        low, high = _DRAWN if self._gap < _OPEN else (self._gap + each for each in _DRAWN_BEYOND)
        return float(smoothstep(gap, low, high))

    def _paint(self, frame: MouthRegion, matrix: FloatArray) -> FloatArray:
        inside = cavity(frame, self._light)
        inside = tongue(frame, inside, self._light)
        inside = lower_teeth(frame, inside, self._light)
        inside = upper_teeth(frame, inside, self._light, self._teeth, matrix)
        grey = inside.mean(-1, keepdims=True)
        inside = (grey + (inside - grey) * self._light.colour) * frame.occlusion[..., None]
        return blur(inside, self._light.softness) if self._light.softness > 0.3 else inside

    def _inner_lips(self, picture: Picture, landmarks: FloatArray, skull: FloatArray) -> FloatArray:
        """The ring of inner lips (20, 2) in pixels, as located in the frame."""
        size = float(np.sqrt(abs(np.linalg.det(skull[:2]))))
        was = (self._source[_MOUTH].mean(0) + 1) / 2 * len(picture)
        now = (landmarks[_MOUTH].mean(0) + 1) / 2 * len(picture)
        centre = now + (np.array([self._square.x, self._square.y]) - was) @ skull[:2]
        right, left = landmarks[_PLACES[33]], landmarks[_PLACES[263]]
        square = Square(float(centre[0]), float(centre[1]), self._square.side * size, line_angle(right, left))
        return self._mesh.locate_part(picture, LIPS, square)[_RING]


def _choose_teeth(landmarks: FloatArray, own: Teeth | None) -> tuple[Teeth, FloatArray]:
    """Teeth for a selfie, and the position of the incisors' edge in its pixels (2,)."""
    matrix, origin = strip_transform(landmarks)
    back = np.linalg.inv(matrix)
    if own:
        return own, origin + back @ np.array([0, own.edge - HEIGHT / 2])
    eyes = float(np.linalg.norm(landmarks[EYE_CORNERS[0]] - landmarks[EYE_CORNERS[1]]))
    down = back[:, 1] / np.linalg.norm(back[:, 1])
    lip = float((landmarks[13] - landmarks[2]) @ down) / eyes
    low, high = _EDGE_BELOW_LIP
    edge = float(np.clip(_UPPER_EDGE, lip + low, lip + high))
    width = float(np.linalg.norm(landmarks[308] - landmarks[78])) / eyes
    return nearest_teeth(width), landmarks[13] + down * (edge - lip) * eyes


def _shown(edge: FloatArray, ring: FloatArray, eyes: float, wider: float) -> FloatArray:
    """The incisors' edge (2,), moved down until the teeth show below the upper lip.

    ``ring`` (20, 2) and ``eyes`` are in pixels; ``wider`` is the mouth's width over that at rest.
    """
    upper, lower = ring[5], ring[15]
    gap = max(float(np.linalg.norm(lower - upper)), 1e-3)
    down = (lower - upper) / gap
    share, most = np.array(_EDGE_SHOWN[0]) + np.diff(_EDGE_SHOWN, axis=0)[0] * smoothstep(wider, *_SMILE)
    missing = float(min(share * gap, most * eyes)) - float((edge - upper) @ down)
    return np.asarray(edge + max(missing, 0.0) * down, np.float32)


def _fit_affine(source: FloatArray, target: FloatArray) -> FloatArray:
    """The least-squares map (3, 2) of points (N, 2) with a 1 appended."""
    rows = np.concatenate([source, np.ones((len(source), 1), np.float32)], 1)
    return np.asarray(np.linalg.lstsq(rows, target, rcond=None)[0], np.float32)


def _taper_corners(ring: FloatArray) -> FloatArray:
    """The ring with gaps that narrow towards the corners, often missed in the far half of a turned mouth."""
    ring = ring.copy()
    for half in _HALVES:
        for (upper_in, lower_in), (upper, lower), share in zip(half, half[1:], _TAPER, strict=False):
            widest = share * float(np.linalg.norm(ring[upper_in] - ring[lower_in]))
            middle, apart = (ring[upper] + ring[lower]) / 2, (ring[upper] - ring[lower]) / 2
            apart *= min(1.0, widest / (2 * float(np.linalg.norm(apart)) + 1e-6))
            ring[upper], ring[lower] = middle + apart, middle - apart
    return ring
