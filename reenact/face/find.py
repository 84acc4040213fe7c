"""Face detection in a picture, and tracking of one face through a clip."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from reenact.face.detector import Detection
from reenact.face.mesh import FaceMesh, square_around_eyes, square_around_landmarks
from reenact.face.square_sampling import Square
from reenact.face.views import Detector, Views
from reenact.types import Face, Picture

MIN_PRESENCE = 0.5
# Three of 1,000 frames of clips of people score less. So do half-covered faces, and nearly all meshes fitted
# to a face in a wrong orientation (tests/face/test_find.py).
CONFIDENT_PRESENCE = 0.99999
# Largest shift (face heights) and change of size (ratio) between frames before the face is detected again
MAX_SHIFT, MAX_GROWTH = 0.15, 1.25
# Orientations that are tried, in degrees: on its sides and upside down first
_ROTATIONS = tuple(np.radians(degrees) for degrees in (90, 270, 180, 45, 315, 135, 225))


class FaceFinder:
    """Face detector and face mesh together."""

    def __init__(self, detector: Detector, mesh: FaceMesh) -> None:
        """Both are opened once by the engine; ``detector`` is a FaceDetector or a FanDetector."""
        self._detector = detector
        self.mesh = mesh

    def find(self, picture: Picture) -> list[Face]:
        """All faces, largest first. A face that the mesh does not confirm is left out.

        If there is none, or one with a low presence score, rotated faces are searched. If there is still
        none, a large picture is searched in tiles: the detector input has 192 pixels, in which a distant face
        is too small.
        """
        views = Views(picture, self._detector)
        if faces := self._search_rotations(views):
            return faces
        closer = (self._confirmed(picture, found) for found in views.tiles())
        return next(filter(None, closer), [])

    def _search_rotations(self, views: Views) -> list[Face]:
        """Faces of the upright picture, or else of the rotated picture."""
        faces = self._search(views)
        if faces and all(face.presence >= CONFIDENT_PRESENCE for face in faces):
            return faces
        for angle in _ROTATIONS:
            if sure := [face for face in self._search(views, angle) if face.presence >= CONFIDENT_PRESENCE]:
                return _deduplicate(sorted([*sure, *faces], key=lambda face: -face.presence))
        return faces

    def _search(self, views: Views, angle: float = 0.0) -> list[Face]:
        """Faces of the picture, seen by the detector rotated back by ``angle`` radians, clockwise."""
        return self._confirmed(views.picture, views.whole(angle))

    def _confirmed(self, picture: Picture, detections: Iterable[Detection]) -> list[Face]:
        faces: list[Face] = []
        for detection in detections:
            face = self._fit_mesh(picture, square_around_eyes(detection.box, detection.eyes), detection.score)
            # A second pass, from the landmarks of the first: the detector's box is coarse.
            face = face and self._fit_mesh(picture, square_around_landmarks(face.landmarks), detection.score)
            if face:
                faces.append(face)
        return _deduplicate(faces)

    def follow(self, frames: Iterable[Picture], first: Face | None = None) -> Iterator[Face | None]:
        """Track one face through a clip, frame by frame; None where it is not found.

        A face that is lost, has jumped or has a low presence score is searched again with the detector, since
        the clip may have a cut. Of several faces the one nearest to the last known position is taken, at the
        start the largest.
        """
        known, seen, lost = first, first, 0
        for frame in frames:
            known = self._follow_one(frame, known) or _nearest(self._search_again(frame, seen, lost), seen)
            seen, lost = known or seen, 0 if known else lost + 1
            yield known

    def refit(self, frame: Picture, known: Face) -> Face | None:
        """The face in the next frame, near where it was; None where the mesh does not confirm it."""
        return self._fit_mesh(frame, square_around_landmarks(known.landmarks), known.score)

    def search(self, frame: Picture) -> list[Face]:
        """All upright faces of a frame, largest first: quicker than ``find``, since nothing else is tried."""
        return self._search(Views(frame, self._detector))

    def _follow_one(self, frame: Picture, known: Face | None) -> Face | None:
        if known is None:
            return None
        face = self.refit(frame, known)
        if face and (is_jump(known, face) or face.presence < CONFIDENT_PRESENCE):
            return _nearest(self._search_again(frame, known, 0), known) or face
        return face

    def _search_again(self, frame: Picture, seen: Face | None, lost: int) -> list[Face]:
        """Faces in the last known orientation, or else in one other, which changes from frame to frame."""
        views = Views(frame, self._detector)
        if seen is None and not lost:
            return self._search_rotations(views)
        usual = round(seen.roll / (np.pi / 2)) * np.pi / 2 if seen else 0.0
        faces = self._search(views, usual)
        if any(face.presence >= CONFIDENT_PRESENCE for face in faces):
            return faces
        other = self._search(views, usual + _ROTATIONS[lost % len(_ROTATIONS)])
        return [face for face in other if face.presence >= CONFIDENT_PRESENCE] or faces

    def _fit_mesh(self, picture: Picture, square: Square, score: float) -> Face | None:
        landmarks, presence = self.mesh(picture, square)
        if presence < MIN_PRESENCE:
            return None
        low, high = landmarks.min(0), landmarks.max(0)
        box = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
        return Face(box, score, landmarks, presence)


def _deduplicate(faces: list[Face]) -> list[Face]:
    """Each face once, the first of duplicates; largest first."""
    kept: list[Face] = []
    for face in faces:
        if not any(is_same_face(face, each) for each in kept):
            kept.append(face)
    return sorted(kept, key=lambda face: -face.height)


def is_same_face(face: Face, other: Face) -> bool:
    """Whether two detections are the same face."""
    x, y = (float(value) for value in face.landmarks.mean(0))
    return other.box[0] < x < other.box[2] and other.box[1] < y < other.box[3]


def is_jump(before: Face, now: Face) -> bool:
    """Whether a face moved or grew more between two frames than the mesh follows."""
    shift = float(np.linalg.norm(now.landmarks.mean(0) - before.landmarks.mean(0)))
    growth = now.height / before.height
    return shift > MAX_SHIFT * before.height or not 1 / MAX_GROWTH < growth < MAX_GROWTH


def _nearest(faces: list[Face], seen: Face | None) -> Face | None:
    if not faces:
        return None
    if seen is None:
        return faces[0]
    centre = seen.landmarks.mean(0)
    return min(faces, key=lambda face: float(((face.landmarks.mean(0) - centre) ** 2).sum()))
