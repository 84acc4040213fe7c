"""Finding faces: in a picture from nothing, in a clip by following the frame before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import product
from math import ceil

import numpy as np

from reenact.face.detector import Detection
from reenact.face.mesh import FaceMesh, square_around_eyes, square_around_landmarks
from reenact.face.sample import Square
from reenact.types import Face, Picture

MIN_PRESENCE = 0.5
# Since the frame before, in face heights and as a ratio of them: beyond that the mesh may have seen no face
MAX_SHIFT, MAX_GROWTH = 0.15, 1.25
LARGE = 640  # pixels of the longer side from which parts of a picture are worth a look


class FaceFinder:
    """Detector and mesh together; knows nothing of crops or of which face is wanted."""

    def __init__(self, detector: Callable[[Picture], list[Detection]], mesh: FaceMesh) -> None:
        """Both are opened once by the engine; ``detector`` is a FaceDetector or a FanDetector."""
        self._detector = detector
        self.mesh = mesh

    def find(self, picture: Picture) -> list[Face]:
        """All faces, largest box first. A face that the mesh does not confirm is left out.

        Where there seems to be none, a large picture is looked at in parts: the detector sees it at 192
        pixels, in which a face far away is too small.
        """
        return self._search(picture) or self._confirmed(picture, _closer(picture, self._detector))

    def _search(self, picture: Picture) -> list[Face]:
        return self._confirmed(picture, self._detector(picture))

    def _confirmed(self, picture: Picture, detections: Iterable[Detection]) -> list[Face]:
        faces: list[Face] = []
        for detection in detections:
            face = self._place(picture, square_around_eyes(detection.box, detection.eyes), detection.score)
            # A second look from the first one's landmarks: the detector's box is coarse, this one is not.
            face = face and self._place(picture, square_around_landmarks(face.landmarks), detection.score)
            if face and not any(_inside(face, each) for each in faces):
                faces.append(face)
        return sorted(faces, key=lambda face: -face.height)

    def follow(self, frames: Iterable[Picture], first: Face | None = None) -> Iterator[Face | None]:
        """The same face through a clip, frame by frame; None where it is not seen.

        A face that is lost, or seems to have leapt, is searched again with the detector: the clip may have
        been cut. Of several, the one nearest to where it was last seen is taken, and before it was ever seen
        the largest.
        """
        known, seen = first, first
        for frame in frames:
            known = self._follow_one(frame, known) or _nearest(self._search(frame), seen)
            seen = known or seen
            yield known

    def _follow_one(self, frame: Picture, known: Face | None) -> Face | None:
        if known is None:
            return None
        face = self._place(frame, square_around_landmarks(known.landmarks), known.score)
        if face and _leapt(known, face):
            return _nearest(self._search(frame), known) or face
        return face

    def _place(self, picture: Picture, square: Square, score: float) -> Face | None:
        landmarks, presence = self.mesh(picture, square)
        if presence < MIN_PRESENCE:
            return None
        low, high = landmarks.min(0), landmarks.max(0)
        return Face((float(low[0]), float(low[1]), float(high[0]), float(high[1])), score, landmarks)


def _closer(picture: Picture, detector: Callable[[Picture], list[Detection]]) -> Iterator[Detection]:
    """What a detector finds in overlapping parts of a large picture, each half as long."""
    side = max(picture.shape[:2]) // 2
    if 2 * side < LARGE:
        return
    rows, columns = (_starts(length, side) for length in picture.shape[:2])
    for top, left in product(rows, columns):
        for found in detector(picture[top : top + side, left : left + side]):
            x0, y0, x1, y1 = found.box
            box = x0 + left, y0 + top, x1 + left, y1 + top
            yield replace(found, box=box, eyes=found.eyes + np.array([left, top], np.float32))


def _starts(length: int, side: int) -> list[int]:
    """Where parts begin that overlap by half."""
    rest = max(0, length - side)
    return [round(at) for at in np.linspace(0, rest, 1 + ceil(2 * rest / side))]


def _inside(face: Face, other: Face) -> bool:
    """Whether two faces are the same one, seen twice."""
    x, y = (float(value) for value in face.landmarks.mean(0))
    return other.box[0] < x < other.box[2] and other.box[1] < y < other.box[3]


def _leapt(before: Face, now: Face) -> bool:
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
