"""Track of one face through a clip: its smoothed squares, and its poses in them.

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

FADE = 0.12  # seconds in which the new face fades to the clip's face before tracking is lost
_CANDIDATES = 5  # candidate frames of a shot, to find one without occlusion
# In sides of the square and seconds. Poses are relative to the filtered squares, so a delay has no effect.
_SQUARES = OneEuroParams(min_cutoff=1.0, beta=8.0)


class FaceTracker:
    """Receives the frames of a clip one by one, then returns the track of one face."""

    def __init__(
        self,
        engine: Engine,
        features: Sequence[FrameFeatures | None],
        shots: NDArray[np.intp],
        fps: Fraction,
        cuts: NDArray[np.intp] | None = None,
    ) -> None:
        """A frame in which the face is not visible gets the values of the nearest one in which it is.

        Args:
            engine: can be reused for many calls.
            features: of the face in every frame.
            shots: (T,), the number of each frame's shot, -1 where the face is not reliably visible.
            fps: frames per second.
            cuts: (T,), the shots of the whole frames, if known: a face that is lost within a shot fades
                out, a face at the end of a shot does not.
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
        """Detect the pose in frame ``index``, counted from 0."""
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
    """Shots (T,), split at cuts and renumbered."""
    begins = (np.diff(shots) != 0) | (np.diff(cuts) != 0)
    return np.concatenate([np.zeros(1, np.intp), np.cumsum(begins)])


class _CleanFaces:
    """Keeps the least occluded face of each shot's candidates."""

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
    """Candidates for the best frame of each shot: reliable detections of a frontal face."""
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
    """For every frame (T,) the nearest one in which the face is visible; there must be one."""
    places = np.flatnonzero(visible)
    return np.asarray(places[np.abs(places - np.arange(len(visible))[:, None]).argmin(1)])


def visibility(visible: NDArray[np.bool_], shots: NDArray[np.intp], fps: Fraction) -> FloatArray:
    """Opacity of the new face in each frame (T,): it fades where the face is lost, but not at cuts.

    Args:
        visible: whether the face is detected in the frame (T,).
        shots: the number of each frame's shot (T,).
        fps: frames per second.
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
    """An upright square for each frame (T, 4), smoothed within each shot."""
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
    """Yaw of a face in radians, positive towards the right of the picture.

    Computed from the nose tip and the middle of the cheeks, with the head modelled as a cylinder: the cheeks
    (234, 454) lie 80 degrees from the nose, which protrudes by a fifth of the radius.
    """
    nose, right, left = (rotate_points(face.landmarks[index], -face.roll)[0] for index in (1, 234, 454))
    return float(np.arctan2((2 * nose - right - left) / 1.04, left - right))
