"""Tracklets (stretches): uninterrupted detections of one face, and their grouping by person."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from reenact.face.likeness import SAME_PERSON, Likeness
from reenact.face.shots import (
    FrameFeatures,
)
from reenact.types import Face, FloatArray

NEARBY = 1.0  # seconds after which the position of a lost face is no longer used


_PLACE = 0.15  # additional unlikeness allowed for a face that returns to its position within a shot


MOST_LIKENESSES = 16  # per stretch


@dataclass
class Stretch:
    """One face in consecutive frames from frame ``start`` on, in shot ``shot`` of the whole frames."""

    start: int
    shot: int
    features: list[FrameFeatures] = field(default_factory=list)
    likenesses: list[Likeness] = field(default_factory=list)

    @property
    def end(self) -> int:
        """The frame after the last one."""
        return self.start + len(self.features)

    @property
    def face(self) -> Face:
        """The face in the last frame."""
        return self.features[-1].face

    @property
    def usual(self) -> Likeness:
        """The median likeness descriptor of the face."""
        return Likeness.usual(self.likenesses)


def join_stretches(stretches: list[Stretch], fps: float) -> list[list[Stretch]]:
    """The stretches of each person, by clustering: the most alike first, never two in the same frame."""
    groups = [[each] for each in stretches]
    apart = _differences(stretches, fps)
    place = {id(each): number for number, each in enumerate(stretches)}
    while True:
        pairs = [
            (float(np.mean([apart[place[id(a)], place[id(b)]] for a in one for b in other])), i, j)
            for i, one in enumerate(groups)
            for j, other in enumerate(groups[:i])
            if not any(a.start < b.end and b.start < a.end for a in one for b in other)
        ]
        if not pairs or min(pairs)[0] > SAME_PERSON:
            return groups
        _, i, j = min(pairs)
        groups[j] += groups.pop(i)


def _differences(stretches: list[Stretch], fps: float) -> FloatArray:
    """Pairwise unlikeness of stretches (N, N), reduced where the position suggests the same face."""
    usual = [each.usual for each in stretches]
    apart = np.zeros((len(stretches), len(stretches)), np.float32)
    for i, one in enumerate(stretches):
        for j, other in enumerate(stretches[:i]):
            before, after = sorted((one, other), key=lambda each: each.start)
            near = _PLACE if _is_near(before, after, fps) else 0.0
            apart[i, j] = apart[j, i] = usual[i].unlikeness(usual[j]) - near
    return apart


def _is_near(before: Stretch, after: Stretch, fps: float) -> bool:
    """Whether a face appears near the position of a lost one, in the same shot."""
    if before.shot != after.shot or after.start - before.end > NEARBY * fps:
        return False
    first, last = after.features[0].face, before.face
    away = float(np.linalg.norm(first.landmarks.mean(0) - last.landmarks.mean(0)))
    return away < last.height / 2 and 0.8 < first.height / last.height < 1.25
