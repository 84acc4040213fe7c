"""The people of a clip, as a list to choose from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from reenact.engine import Engine
from reenact.errors import NoFaceFound
from reenact.face.align import align, extract_crop
from reenact.face.people import Person, follow_people
from reenact.face_tracker import clean_candidates, nearest_visible, yaw
from reenact.media import VIDEO_LIMITS, WHOLE, Span, VideoLimits, open_clip
from reenact.types import Face, Picture

THUMBNAIL = 128  # side in pixels
_FRONTAL = np.radians(15)  # largest yaw of a face beyond that of the most frontal frame


@dataclass(frozen=True)
class ClipPerson:
    """One person of a clip.

    ``number`` is that of ``CastMember.person``; 0 fills most of the clip. ``thumbnail`` (128, 128, 3) uint8
    shows the upright head in the frame ``seconds`` after the clip's first frame. ``box`` (x0, y0, x1, y1) is
    the face in this frame, in its pixels. ``first_seen`` is in seconds, ``share`` a fraction of the frames.
    """

    number: int
    thumbnail: Picture
    seconds: float
    box: tuple[float, float, float, float]
    first_seen: float
    share: float


def find_people(
    engine: Engine, clip: Path, span: Span = WHOLE, limits: VideoLimits = VIDEO_LIMITS
) -> list[ClipPerson]:
    """The people of a clip, who fills most of it first; includes faces too small to be replaced.

    Args:
        engine: can be reused for many calls.
        clip: any format that ``open_clip`` reads. It is read twice.
        span: the part that is used.
        limits: of the clip.

    Raises:
        NoFaceFound: no frame shows a face.
        InputError: the clip cannot be used.
    """
    opened = open_clip(clip, limits, span)
    people = follow_people(engine.finder, opened.frames, opened.fps).people
    if not people:
        raise NoFaceFound("No face was found in the clip. Use one that shows a face from the front.")
    best = [_Best(person) for person in people]
    for index, frame in enumerate(open_clip(clip, limits, span).frames):
        for each in best:
            each.consider(index, frame)
    return [
        _listed(number, person, each, span.start, float(opened.fps))
        for number, (person, each) in enumerate(zip(people, best, strict=True))
    ]


class _Best:
    """Keeps the sharpest of the frames with a frontal face."""

    def __init__(self, person: Person) -> None:
        visible = person.shots >= 0
        nearest = nearest_visible(visible)
        faces = [each.face for index in nearest if (each := person.features[index])]
        candidates = clean_candidates(faces, visible, person.shots[nearest])
        self._faces = _frontal({index: faces[index] for index in candidates})
        self._sharpness = -1.0
        self.index = min(self._faces)
        self.face = self._faces[self.index]
        self.picture = np.zeros((THUMBNAIL, THUMBNAIL, 3), np.uint8)

    def consider(self, index: int, frame: Picture) -> None:
        """Keep a frame's face if it is the sharpest so far."""
        face = self._faces.get(index)
        if face is None:
            return
        picture = extract_crop(frame, align(face, face.roll), THUMBNAIL)
        sharpness = float(np.abs(np.diff(picture.astype(np.float32).mean(-1), axis=0)).mean())
        if sharpness > self._sharpness:
            self._sharpness, self.index, self.face, self.picture = sharpness, index, face, picture


def _frontal(faces: dict[int, Face]) -> dict[int, Face]:
    turned = {index: abs(yaw(face)) for index, face in faces.items()}
    most = min(turned.values()) + _FRONTAL
    return {index: face for index, face in faces.items() if turned[index] <= most}


def _listed(number: int, person: Person, best: _Best, start: float, fps: float) -> ClipPerson:
    seen: Sequence[int] = np.flatnonzero(person.shots >= 0).tolist()
    return ClipPerson(
        number,
        best.picture,
        start + best.index / fps,
        best.face.box,
        start + seen[0] / fps,
        person.share,
    )
