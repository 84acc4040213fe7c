"""One face through a clip: its squares, steadied, and its poses in them.

a face in each frame, and its shots -> a square for each frame, smoothed -> keypoints, smoothed
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from reenact.engine import Engine
from reenact.face.align import align
from reenact.face.shots import FrameFeatures
from reenact.face.upright import extract_softened
from reenact.face_track import CleanFace, FaceTrack
from reenact.generator.renderer import NATIVE_SIZE
from reenact.motion.one_euro import LANDMARKS, OneEuroParams, smooth_motion, steady
from reenact.types import Crop, Face, FloatArray, Keypoints, Picture, rotate_points

FADE = 0.12  # seconds in which a face that is lost fades to the clip's own
_CANDIDATES = 5  # frames of a shot, of which one shows the face with nothing in front
# In sides of the square and seconds; poses are taken in the filtered squares, so that a delay does no harm
_SQUARES = OneEuroParams(min_cutoff=1.0, beta=8.0)


class FaceTracker:
    """Takes the frames of a clip one by one, and then gives the track of one face."""

    def __init__(
        self,
        engine: Engine,
        features: Sequence[FrameFeatures | None],
        shots: NDArray[np.intp],
        fps: Fraction,
        cuts: NDArray[np.intp] | None = None,
    ) -> None:
        """Frames in which the face is not seen take the values of the nearest one in which it is.

        Args:
            engine: opened once.
            features: of the face in every frame.
            shots: (T,), the number of each frame's shot, -1 where the face is not reliably seen.
            fps: frames a second.
            cuts: (T,), the shots of the whole frames, where they are known: a face fades out before it is
                lost within one, but not before its end.
        """
        self._engine, self._fps = engine, fps
        self._visible = shots >= 0
        self._nearest = nearest_visible(self._visible)
        self._faces = [each.face for index in self._nearest if (each := features[index])]
        self._shots = shots[self._nearest] if cuts is None else _divided(shots[self._nearest], cuts)
        self._squares = _squares(self._faces, self._shots, fps)
        self._candidates = clean_candidates(self._faces, self._visible, self._shots)
        self._poses: list[Keypoints] = []
        self._landmarks: list[FloatArray] = []
        self._clean = _CleanFaces(engine)

    def take(self, index: int, frame: Picture) -> None:
        """Take the pose in a frame, the ``index``-th from 0."""
        if not self._visible[index]:
            return
        face, square = self._faces[index], Crop.around(self._squares[index])
        picture = extract_softened(frame, square, NATIVE_SIZE)
        self._poses.append(self._engine.detector.one(picture, face, square))
        self._landmarks.append(square.to_units(face.landmarks))
        if index in self._candidates:
            shot, clean = int(self._shots[index]), CleanFace(picture, self._poses[-1])
            self._clean.consider(shot, clean, self._landmarks[-1])

    def track(self) -> FaceTrack:
        """The track, after the last frame."""
        place = np.searchsorted(np.flatnonzero(self._visible), self._nearest)
        whole, points = Keypoints.stacked(self._poses)[place], np.stack(self._landmarks)[place]
        parts = [np.flatnonzero(self._shots == number) for number in np.unique(self._shots)]
        return FaceTrack(
            self._squares,
            np.concatenate([steady(points[part], self._fps, LANDMARKS) for part in parts]),
            Keypoints.joined(smooth_motion(whole[part], self._fps) for part in parts),
            visibility(self._visible, self._shots, self._fps),
            self._shots,
            self._clean.best,
        )


def _divided(shots: NDArray[np.intp], cuts: NDArray[np.intp]) -> NDArray[np.intp]:
    """Shots (T,), numbered anew, of which none goes on after a cut."""
    begins = (np.diff(shots) != 0) | (np.diff(cuts) != 0)
    return np.concatenate([np.zeros(1, np.intp), np.cumsum(begins)])


class _CleanFaces:
    """Of the candidates of each shot the face with least in front of it."""

    def __init__(self, engine: Engine) -> None:
        self._detect = engine.occlusion
        self._covered: dict[int, float] = {}
        self.best: dict[int, CleanFace] = {}

    def consider(self, shot: int, face: CleanFace, landmarks: FloatArray) -> None:
        """Keep a face, with ``landmarks`` (478, 2) in crop units, if it is the best of its shot so far."""
        side = len(face.picture)
        covered = float(self._detect(face.picture, (landmarks + 1) * np.float32(side / 2)).mean())
        if covered < self._covered.get(shot, math.inf):
            self._covered[shot], self.best[shot] = covered, face


def clean_candidates(faces: Sequence[Face], visible: NDArray[np.bool_], shots: NDArray[np.intp]) -> set[int]:
    """Frames that may show the face of their shot best: surely a face, seen from the front."""
    presence = np.array([face.presence for face in faces])
    turned_by = np.array([abs(yaw(face)) for face in faces])
    chosen: set[int] = set()
    for number in np.unique(shots):
        part = np.flatnonzero((shots == number) & visible)
        if not len(part):
            continue
        sure = part[presence[part] >= np.median(presence[part])]
        for stretch in np.array_split(sure, min(_CANDIDATES, len(sure))):
            chosen.add(int(stretch[turned_by[stretch].argmin()]))
    return chosen


def nearest_visible(visible: NDArray[np.bool_]) -> NDArray[np.intp]:
    """For every frame (T,) the nearest one in which the face is seen; there must be one."""
    places = np.flatnonzero(visible)
    return np.asarray(places[np.abs(places - np.arange(len(visible))[:, None]).argmin(1)])


def visibility(visible: NDArray[np.bool_], shots: NDArray[np.intp], fps: Fraction) -> FloatArray:
    """How far the new face is shown in each frame (T,): fading where the face is lost, and not at cuts.

    Args:
        visible: whether the face is really seen (T,).
        shots: the number of each frame's shot (T,).
        fps: frames a second.
    """
    steps = 1 + round(FADE * fps)
    shown = visible.astype(np.float32)
    for number in np.unique(shots):
        part = np.flatnonzero(shots == number)
        hidden = part[~visible[part]]
        if len(hidden):
            away = np.abs(part[:, None] - hidden).min(1)
            shown[part] = np.minimum(1, away / steps)
    return shown


def _squares(faces: Sequence[Face], shots: NDArray[np.intp], fps: Fraction) -> FloatArray:
    """An upright square for each frame (T, 4), smooth_motion within each shot."""
    found = np.array([_square(face) for face in faces], np.float32)
    steadier = []
    for number in np.unique(shots):
        part = found[shots == number]
        part[:, 3] = np.unwrap(part[:, 3])
        side = np.median(part[:, 2])
        scale = np.array([side, side, side, 1], np.float32)
        steadier.append(steady(part / scale, fps, _SQUARES) * scale)
    return np.concatenate(steadier)


def _square(face: Face) -> tuple[float, float, float, float]:
    square = align(face, face.roll)
    return (*square.centre, square.side, square.angle)


def yaw(face: Face) -> float:
    """How far a face is rotate_points to the side in radians: positive to the right of the picture.

    The nose tip against the middle of the cheeks, on a head taken as a cylinder: the cheeks (234, 454) lie 80
    degrees away from the nose, which stands out by a fifth of the radius.
    """
    nose, right, left = (rotate_points(face.landmarks[index], -face.roll)[0] for index in (1, 234, 454))
    return float(np.arctan2((2 * nose - right - left) / 1.04, left - right))
