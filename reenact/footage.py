"""A clip whose faces are to be replaced: where each face is in every frame, and in which pose.

frames -> a face in each -> shots between cuts -> a square for each frame, smooth_motion -> keypoints
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reenact.engine import Engine
from reenact.errors import FaceTooSmall, FaceTurnedAway, NoFaceFound
from reenact.face.align import align, extract_crop
from reenact.face.shots import FrameFeatures, detect_shots
from reenact.generator.renderer import NATIVE_SIZE
from reenact.media import VIDEO_LIMITS, WHOLE, Span, VideoLimits, open_clip
from reenact.motion.one_euro import LANDMARKS, OneEuroParams, smooth_motion, steady
from reenact.runtime import close
from reenact.tracking import frame_features_of
from reenact.types import (
    CleanFace,
    Clip,
    Crop,
    Face,
    FaceTrack,
    FloatArray,
    Keypoints,
    Picture,
    ProgressCallback,
    rotate_points,
)

SMALLEST_FACE = 48  # pixels of height: of fewer nothing would be recognized
LARGEST_YAW = np.radians(60)
FADE = 0.12  # seconds in which a face that is lost fades to the clip's own
# In sides of the square and seconds; poses are taken in the filtered squares, so that a delay does no harm
_CANDIDATES = 5  # frames of a shot, of which one shows the face with nothing in front
_SQUARES = OneEuroParams(min_cutoff=1.0, beta=8.0)


@dataclass(frozen=True)
class Footage:
    """A clip with the faces that are followed through it."""

    path: Path
    span: Span
    limits: VideoLimits
    fps: Fraction
    size: tuple[int, int]  # width and height in pixels
    audio: Path | None
    audio_start: Fraction
    tracks: tuple[FaceTrack, ...]
    model: str  # SHA-256 of the keypoint graph

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.tracks[0])

    def trimmed(self, span: Span) -> Footage:
        """A part of a whole clip that was tracked already; raises InvalidOption where nothing is left."""
        if span == self.span:
            return self
        opened = open_clip(self.path, self.limits, span)
        first = round(opened.audio_start * self.fps)
        tracks = tuple(each.part(first, first + (opened.frame_count or 0)) for each in self.tracks)
        close(opened.frames)
        return replace(self, span=span, audio_start=opened.audio_start, tracks=tracks)

    def open(self) -> Clip:
        """The clip itself, to be read once more."""
        return open_clip(self.path, self.limits, self.span)


def open_footage(
    engine: Engine,
    clip: Path,
    *,
    span: Span = WHOLE,
    limits: VideoLimits = VIDEO_LIMITS,
    on_progress: ProgressCallback | None = None,
) -> Footage:
    """Follow the largest face through a clip. It is read twice, so that memory does not grow with it.

    Args:
        engine: opened once.
        clip: any format that ``open_clip`` reads.
        span: the part that is used.
        limits: of the clip.
        on_progress: is called for every frame, always as 0 done.

    Raises:
        NoFaceFound: no frame shows a face.
        FaceTooSmall: the face is lower than 48 pixels in most frames.
        FaceTurnedAway: it is rotate_points by more than 60 degrees in nearly all frames.
        InputError: the clip cannot be used.
    """

    def frames() -> Iterator[Picture]:
        opened = open_clip(clip, limits, span)
        for frame in opened.frames:
            yield frame
            if on_progress:
                on_progress(0, opened.frame_count or 0)

    opened = open_clip(clip, limits, span)
    height, width, _ = next(opened.frames).shape
    fps = opened.fps
    features = list(frame_features_of(engine, frames()))
    shots = detect_shots(features, fps)
    _refuse_unusable(features)
    track = _track(engine, frames(), features, shots, fps)
    return Footage(
        clip, span, limits, fps, (width, height), opened.audio, opened.audio_start, (track,), engine.model
    )


def _track(
    engine: Engine,
    frames: Iterator[Picture],
    features: list[FrameFeatures | None],
    shots: NDArray[np.intp],
    fps: Fraction,
) -> FaceTrack:
    """One face's squares and poses; frames in which it is not seen take those of the nearest one."""
    visible = shots >= 0
    nearest = nearest_visible(visible)
    shots, faces = shots[nearest], [each.face for index in nearest if (each := features[index])]
    squares, candidates = _squares(faces, shots, fps), clean_candidates(faces, visible, shots)
    poses, landmarks, clean = [], [], _CleanFaces(engine)
    for index, frame in enumerate(frames):
        if visible[index]:
            square = Crop.around(squares[index])
            picture = extract_crop(frame, square, NATIVE_SIZE)
            poses.append(engine.detector.one(picture, faces[index], square))
            landmarks.append(square.to_units(faces[index].landmarks))
            if index in candidates:
                clean.consider(int(shots[index]), CleanFace(picture, poses[-1]), landmarks[-1])
    place = np.searchsorted(np.flatnonzero(visible), nearest)
    whole, points = Keypoints.stacked(poses)[place], np.stack(landmarks)[place]
    parts = [np.flatnonzero(shots == number) for number in np.unique(shots)]
    return FaceTrack(
        squares,
        np.concatenate([steady(points[part], fps, LANDMARKS) for part in parts]),
        Keypoints.joined(smooth_motion(whole[part], fps) for part in parts),
        visibility(visible, shots, fps),
        shots,
        clean.best,
    )


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


def _refuse_unusable(features: list[FrameFeatures | None]) -> None:
    """Raise where no frame, or hardly one, shows a face that can be replaced."""
    faces = [each.face for each in features if each]
    if not faces:
        raise NoFaceFound("No face was found in the clip. Use one that shows a face from the front.")
    height = float(np.median([face.height for face in faces]))
    if height < SMALLEST_FACE:
        raise FaceTooSmall(
            f"The face in the clip is about {height:.0f} pixels high; at least {SMALLEST_FACE} are needed. "
            "Use a larger copy of the clip, or one in which the face is nearer."
        )
    if np.quantile([abs(yaw(face)) for face in faces], 0.1) > LARGEST_YAW:
        raise FaceTurnedAway(
            "The face in the clip is seen from the side all the time. Use one that shows it from the front."
        )


def yaw(face: Face) -> float:
    """How far a face is rotate_points to the side in radians: positive to the right of the picture.

    The nose tip against the middle of the cheeks, on a head taken as a cylinder: the cheeks (234, 454) lie 80
    degrees away from the nose, which stands out by a fifth of the radius.
    """
    nose, right, left = (rotate_points(face.landmarks[index], -face.roll)[0] for index in (1, 234, 454))
    return float(np.arctan2((2 * nose - right - left) / 1.04, left - right))
