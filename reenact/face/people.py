"""Tracking of all faces of a clip, with re-identification across cuts.

Within a shot a face is tracked by position, between shots it is re-identified by likeness. So a face that
leaves and returns is the same person. Two faces that cross keep their numbers: where one hides the other,
both are re-identified by likeness.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from reenact.face.find import CONFIDENT_PRESENCE, FaceFinder, is_jump, is_same_face
from reenact.face.fingerprint import hamming_distance
from reenact.face.likeness import SAME_PERSON, likeness
from reenact.face.shots import (
    MAX_THUMBNAIL_CORRELATION,
    MIN_FACE_DISTANCE,
    MIN_SHOT_SECONDS,
    FrameFeatures,
    detect_shots,
    frame_features,
    frame_thumbnail,
    is_cut,
)
from reenact.face.stretches import MOST_LIKENESSES, NEARBY, Stretch, join_stretches
from reenact.types import Face, FloatArray, Picture

SEARCHED = 0.5  # seconds between searches of whole frames while all faces are tracked
SEARCHED_LOST = 0.1  # seconds between them while a face is covered, or was lost less than a second ago
_LIKENESS = 0.25  # seconds between likeness descriptors of one face


@dataclass(frozen=True)
class Person:
    """One person of a clip of T frames.

    ``features`` (T) are None where the face is not visible; ``shots`` (T,) are its shots, numbered in order
    of time, and -1 where it is not reliably visible.
    """

    features: list[FrameFeatures | None]
    shots: NDArray[np.intp]

    @property
    def filled(self) -> float:
        """How much of the clip the face fills: sum over frames of its height in pixels."""
        return sum(each.face.height for each in self.features if each)

    @property
    def share(self) -> float:
        """Share of the frames in which the face is reliably visible."""
        return float((self.shots >= 0).mean())


@dataclass(frozen=True)
class People:
    """The people of a clip, who fills most of it first; ``cuts`` (T,) is the shot of each whole frame."""

    people: list[Person]
    cuts: NDArray[np.intp]


def follow_people(finder: FaceFinder, frames: Iterable[Picture], fps: Fraction) -> People:
    """Track all faces of a clip.

    The mesh runs on each face in each frame. The detector runs on whole frames twice a second, after cuts,
    and more often while a face is lost or covered.

    Args:
        finder: can be reused for many calls.
        frames: (H, W, 3) uint8 each.
        fps: frames per second.
    """
    follower = _Follower(finder, float(fps))
    for frame in frames:
        follower.take(frame)
    count, cuts = len(follower.cuts), np.array(follower.cuts, np.intp)
    fewest = min(count, max(2, round(MIN_SHOT_SECONDS * fps)))
    groups = join_stretches(follower.stretches, float(fps))
    found = [
        _person(group, cuts, fps) for group in groups if sum(len(each.features) for each in group) >= fewest
    ]
    return People(sorted(found, key=lambda person: -person.filled), cuts)


class _Follower:
    """Processes frames in order; collects tracklets of faces in ``stretches``, and shots in ``cuts``."""

    def __init__(self, finder: FaceFinder, fps: float) -> None:
        self._finder, self._fps = finder, fps
        self._active: list[Stretch] = []
        self._thumbnail: FloatArray | None = None
        self._searched = 0  # index of the last searched frame
        self._lost = -(10**9)  # index of the last frame in which a face was lost
        self.stretches: list[Stretch] = []
        self.cuts: list[int] = []

    def take(self, frame: Picture) -> None:
        """Track the known faces in the next frame, and search it for other faces when due."""
        index, cut = len(self.cuts), self._is_cut(frame)
        self.cuts.append((self.cuts[-1] if self.cuts else 0) + cut)
        before = self._active
        self._active = []
        for stretch, face in [] if cut else self._refitted(frame, before):
            features = frame_features(frame, face)
            if not _is_replaced(stretch, frame, features):
                self._active.append(stretch)
                self._extend(stretch, frame, features)
        lost = [each for each in before if all(each is not kept for kept in self._active)]
        if lost:
            self._lost = index
        if index == 0 or lost or self._is_due(index):
            self._search(frame, index, lost)

    def _is_cut(self, frame: Picture) -> bool:
        last, self._thumbnail = self._thumbnail, frame_thumbnail(frame)
        return last is not None and float(last @ self._thumbnail) < MAX_THUMBNAIL_CORRELATION

    def _is_due(self, index: int) -> bool:
        covered = any(each.face.presence < CONFIDENT_PRESENCE for each in self._active)
        unsure = covered or index - self._lost < self._fps * NEARBY
        return index - self._searched >= self._fps * (SEARCHED_LOST if unsure else SEARCHED)

    def _refitted(self, frame: Picture, active: list[Stretch]) -> list[tuple[Stretch, Face]]:
        """The faces that the mesh finds near their last position. If two coincide, both are lost."""
        fitted = [(each, self._finder.refit(frame, each.face)) for each in active]
        seen = [(each, face) for each, face in fitted if face and not is_jump(each.face, face)]
        return [
            (each, face)
            for each, face in seen
            if not any(is_same_face(face, other) for stretch, other in seen if stretch is not each)
        ]

    def _search(self, frame: Picture, index: int, lost: list[Stretch]) -> None:
        """Find faces that are not tracked: those just lost, or new ones."""
        self._searched = index
        faces = self._finder.find(frame) if index == 0 else self._finder.search(frame)
        if not faces and not self._active:
            faces = self._finder.find(frame)
        for face in faces:
            if any(is_same_face(face, each.face) or is_same_face(each.face, face) for each in self._active):
                continue
            features = frame_features(frame, face)
            again = next((each for each in lost if self._continues(each, features)), None)
            stretch = again or Stretch(index, self.cuts[index])
            if again:
                lost = [each for each in lost if each is not again]
            else:
                self.stretches.append(stretch)
            self._active.append(stretch)
            self._extend(stretch, frame, features)

    def _continues(self, stretch: Stretch, now: FrameFeatures) -> bool:
        """Whether this is a face that the mesh lost: in the same shot, and moved no more than faces do."""
        same = not is_cut(stretch.features[-1], now, max(1.0, 12.5 / self._fps))
        return same and stretch.shot == self.cuts[-1]

    def _extend(self, stretch: Stretch, frame: Picture, features: FrameFeatures) -> None:
        step = max(1, round(_LIKENESS * self._fps))
        if len(stretch.features) % step == 0 and len(stretch.likenesses) < MOST_LIKENESSES:
            stretch.likenesses.append(likeness(frame, features.face))
        stretch.features.append(features)


def _is_replaced(stretch: Stretch, frame: Picture, now: FrameFeatures) -> bool:
    """Whether another face is at this position, after a cut between frames of similar brightness."""
    far = hamming_distance(stretch.features[-1].fingerprint, now.fingerprint) > MIN_FACE_DISTANCE
    return bool(far) and stretch.likenesses[-1].unlikeness(likeness(frame, now.face)) > SAME_PERSON


def _person(stretches: list[Stretch], cuts: NDArray[np.intp], fps: Fraction) -> Person:
    """A person from its stretches: shots end at cuts of the whole frame, and at cuts found from its face."""
    features: list[FrameFeatures | None] = [None] * len(cuts)
    shots = np.full(len(cuts), -1, np.intp)
    for stretch in stretches:
        features[stretch.start : stretch.end] = stretch.features
    number = 0
    for part in _pieces(np.array([each is not None for each in features]), cuts):
        own = detect_shots([features[index] for index in part.tolist()], fps)
        shots[part[own >= 0]] = own[own >= 0] + number
        number += int(own.max(initial=-1)) + 1
    return Person(features, shots)


def _pieces(seen: NDArray[np.bool_], cuts: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Frames from the first to the last detection of a face between two cuts."""
    pieces = [np.flatnonzero(seen & (cuts == number)) for number in np.unique(cuts)]
    return [np.arange(piece[0], piece[-1] + 1) for piece in pieces if len(piece)]
