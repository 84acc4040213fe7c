"""A clip whose faces can be replaced: position and pose of each face in every frame.

frames -> a face in each -> shots between cuts -> a square for each frame, smoothed -> keypoints
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np

from reenact.engine import Engine
from reenact.errors import FaceIndexOutOfRange, FaceTooSmall, FaceTurnedAway, InputError, NoFaceFound
from reenact.face.people import Person, follow_people
from reenact.face.shots import FrameFeatures, detect_shots
from reenact.face_track import FaceTrack
from reenact.face_tracker import FaceTracker, yaw
from reenact.media import VIDEO_LIMITS, WHOLE, Span, VideoLimits, open_clip
from reenact.runtime import close
from reenact.tracking import frame_features_of
from reenact.types import Clip, Picture, ProgressCallback

SMALLEST_FACE = 48  # height in pixels: smaller faces are not recognizable
LARGEST_YAW = np.radians(60)

PeopleChoice = Literal["largest", "all"] | Collection[int]
"""The faces to track: the largest, all, or people by number; person 0 fills most of the clip."""


@dataclass(frozen=True)
class Footage:
    """A clip with its face tracks."""

    path: Path
    span: Span
    limits: VideoLimits
    fps: Fraction
    size: tuple[int, int]  # width and height in pixels
    audio: Path | None
    audio_start: Fraction
    tracks: tuple[FaceTrack, ...]
    model: str  # SHA-256 of the keypoint graph
    people: tuple[int, ...] = (0,)  # the number of each track's person

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.tracks[0])

    def trimmed(self, span: Span) -> Footage:
        """The tracks of a part of the clip; raises InvalidOption where no frame is left."""
        if span == self.span:
            return self
        opened = open_clip(self.path, self.limits, span)
        first = round(opened.audio_start * self.fps)
        tracks = tuple(each.part(first, first + (opened.frame_count or 0)) for each in self.tracks)
        close(opened.frames)
        return replace(self, span=span, audio_start=opened.audio_start, tracks=tracks)

    def open(self) -> Clip:
        """Open the clip, to read its frames again."""
        return open_clip(self.path, self.limits, self.span)


def open_footage(
    engine: Engine,
    clip: Path,
    *,
    people: PeopleChoice = "largest",
    span: Span = WHOLE,
    limits: VideoLimits = VIDEO_LIMITS,
    on_progress: ProgressCallback | None = None,
) -> Footage:
    """Track faces through a clip. It is read twice, so that memory does not grow with its length.

    Args:
        engine: can be reused for many calls.
        clip: any format that ``open_clip`` reads.
        people: only the largest face, chosen again after each cut; or people who are re-identified after
            cuts by their likeness: all whose face can be replaced, or some by number.
        span: the part that is used.
        limits: of the clip.
        on_progress: called for every frame, always with 0 frames done.

    Raises:
        NoFaceFound: no frame shows a face.
        FaceTooSmall: a face is less than 48 pixels high in most frames.
        FaceTurnedAway: a face is turned by more than 60 degrees in nearly all frames.
        FaceIndexOutOfRange: the clip has no person with this number.
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
    numbers: tuple[int, ...] = (0,)
    if people == "largest":
        features = list(frame_features_of(engine, frames()))
        shots = detect_shots(features, fps)
        refuse_unusable(features)
        trackers = [FaceTracker(engine, features, shots, fps)]
    else:
        found = follow_people(engine.finder, frames(), fps)
        numbers = choose_people(found.people, people)
        chosen = [found.people[number] for number in numbers]
        trackers = [FaceTracker(engine, each.features, each.shots, fps, found.cuts) for each in chosen]
    for index, frame in enumerate(frames()):
        for tracker in trackers:
            tracker.take(index, frame)
    return Footage(
        clip,
        span,
        limits,
        fps,
        (width, height),
        opened.audio,
        opened.audio_start,
        tuple(tracker.track() for tracker in trackers),
        engine.model,
        numbers,
    )


def choose_people(found: Sequence[Person], people: Literal["all"] | Collection[int]) -> tuple[int, ...]:
    """The numbers of the requested people, ascending; raises as ``open_footage`` does."""
    if not found:
        refuse_unusable([])
    if people == "all":
        return _usable(found)
    numbers = tuple(sorted(int(number) for number in set(people)))
    for number in numbers:
        if not 0 <= number < len(found):
            count = "one person was" if len(found) == 1 else f"{len(found)} people were"
            raise FaceIndexOutOfRange(
                f"There is no person {number} in the clip: {count} found, numbered from 0, the one who fills "
                "most of it first."
            )
        refuse_unusable(found[number].features)
    return numbers


def _usable(found: Sequence[Person]) -> tuple[int, ...]:
    """The numbers of people whose face can be replaced; if there are none, raises the first one's error."""
    errors: list[InputError] = []
    numbers = []
    for number, person in enumerate(found):
        try:
            refuse_unusable(person.features)
            numbers.append(number)
        except InputError as error:
            errors.append(error)
    if not numbers:
        raise errors[0]
    return tuple(numbers)


def refuse_unusable(features: Sequence[FrameFeatures | None]) -> None:
    """Raise where too few frames show a face that can be replaced."""
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
