"""A clip's frames compared: in which a face is really seen, and where another take begins."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from reenact.face.find import SURE
from reenact.face.fingerprint import Bits, distance, face_grey, signs
from reenact.types import Face, FloatArray, Picture

# Of the clip's usual contrast: below it, in a fade or a flash, the mesh still finds a face, but learned
# keypoints are off by more than .03 of the square.
MIN_CONTRAST = 0.3
# Of two frames of different clips 99 % differ in more bits and look less alike; of 2,000 neighbours within a
# clip nine do, all in clips of some frames a second.
OTHER_FACE, OTHER_VIEW = 72, 0.7
# From frame to frame at 12.5 a second, in face heights, as their ratio, in radians; movement has less
MAX_LEAP, MAX_GROWTH, MAX_TURN = 0.4, 1.18, 0.6
DISSOLVE = Fraction(3, 5)  # seconds over which frames are compared: longer dissolves differ enough in them
# A mixture has so much of both ends, and so little of the way between them in neither: .15 in dissolves, and
# .29 or more where heads and cameras move.
MIXED, UNMIXED = 0.3, 0.2
SHORTEST = Fraction(1, 5)  # seconds of a take; what is shorter is a disturbance


@dataclass(frozen=True)
class Look:
    """What of a frame with a face is kept for comparison.

    ``contrast`` is the standard deviation of the face's greys, 0 to 128; ``bits`` are its fingerprint;
    ``view`` (256,) float32 is the whole frame, 16 x 16 greys of mean 0 and length 1.
    """

    face: Face
    contrast: float
    bits: Bits
    view: FloatArray


def look(picture: Picture, face: Face) -> Look:
    """Take from a frame what it is compared by."""
    grey = face_grey(picture, face)
    step = max(1, min(picture.shape[:2]) // 128)  # every pixel would take as long as a look of the mesh
    few = np.ascontiguousarray(picture[::step, ::step])
    small = Image.fromarray(few).convert("L").resize((16, 16), Image.Resampling.BOX)
    view = np.asarray(small, np.float32).reshape(-1)
    view = view - view.mean()
    return Look(face, float(grey.std()), signs(grey), view / max(float(np.linalg.norm(view)), 1e-6))


def takes(looks: list[Look | None], fps: Fraction) -> NDArray[np.intp]:
    """The number of the take that each frame belongs to, from 0 on: (T,); -1 where no face is really seen.

    A cut, a jump of the camera and another person begin a new take. A take of less than a fifth of a second
    is a disturbance, whose frames count as without a face; so do those of a dissolve.

    Args:
        looks: of every frame; None where no face was found.
        fps: frames a second.
    """
    seen = _seen(looks)
    mixed = _dissolving(looks, seen, round(DISSOLVE * fps))
    clear = [index for index in seen if index not in mixed]
    seen = clear if 2 * len(clear) >= len(looks) else seen
    least = max(2, round(SHORTEST * fps))
    slower = max(1.0, 12.5 / float(fps))
    lasting = [index for group in _split(looks, seen, slower) if len(group) >= least for index in group]
    # Where little lasts, large steps are how this clip moves.
    return _numbered(looks, _split(looks, lasting, slower) if 2 * len(lasting) >= len(looks) else [seen])


def one_take(looks: list[Look | None]) -> NDArray[np.intp]:
    """``takes`` of a clip in which nothing counts as a cut: 0, or -1 where no face is really seen."""
    return _numbered(looks, [_seen(looks)])


def _numbered(looks: list[Look | None], groups: list[list[int]]) -> NDArray[np.intp]:
    numbers = np.full(len(looks), -1, np.intp)
    for number, group in enumerate(groups):
        numbers[group] = number
    return numbers


def _seen(looks: list[Look | None]) -> list[int]:
    """The frames whose face is neither covered nor faded; in a poor clip all that have one."""
    found = [index for index, each in enumerate(looks) if each is not None]
    sure = {index: each for index in found if (each := looks[index]) and each.face.presence >= SURE}
    usual = float(np.median([each.contrast for each in sure.values()] or [0]))
    clear = [index for index, each in sure.items() if each.contrast >= MIN_CONTRAST * usual]
    return clear if 2 * len(clear) >= len(looks) else found


def _dissolving(looks: list[Look | None], seen: list[int], reach: int) -> set[int]:
    """The frames that are a mixture of what is seen a little earlier and a little later, if those differ."""
    mixed: set[int] = set()
    for start, first in enumerate(seen):
        between = seen[start + 1 : start + reach]
        before, after = looks[first], looks[seen[min(start + reach, len(seen) - 1)]]
        if before and after and between and _differs(before, after):
            views = np.stack([each.view for index in between if (each := looks[index])])
            ends = np.stack([before.view, after.view])
            # Least squares: how much of both ends is in each view, and what of it is in neither.
            weights = views @ ends.T @ np.linalg.pinv(ends @ ends.T)
            rest = np.linalg.norm(views - weights @ ends, axis=1) / np.linalg.norm(ends[1] - ends[0])
            is_mixed = (weights.min(1) > MIXED) & (rest < UNMIXED)
            mixed.update(index for index, both in zip(between, is_mixed, strict=True) if both)
    return mixed


def _split(looks: list[Look | None], frames: list[int], slower: float) -> list[list[int]]:
    """These frames in groups, of which each begins with a cut."""
    groups: list[list[int]] = []
    for index in frames:
        if groups and not _is_cut(looks[groups[-1][-1]], looks[index], slower):
            groups[-1].append(index)
        else:
            groups.append([index])
    return groups


def _is_cut(before: Look | None, now: Look | None, slower: float) -> bool:
    """Whether a frame begins another take; movement is so much larger from frame to frame."""
    if before is None or now is None:
        return True
    shift = float(np.linalg.norm(now.face.landmarks.mean(0) - before.face.landmarks.mean(0)))
    growth = abs(math.log(max(now.face.height, 1e-6) / max(before.face.height, 1e-6)))
    turn = abs(float(np.angle(np.exp(1j * (now.face.roll - before.face.roll)))))
    leap = shift / max(before.face.height, 1e-6)
    moved = max(leap / MAX_LEAP, growth / math.log(MAX_GROWTH), turn / MAX_TURN)
    return moved > slower or _differs(before, now)


def _differs(one: Look, other: Look) -> bool:
    """Whether two frames hardly show the same."""
    far = int(distance(one.bits, other.bits)) > OTHER_FACE
    return far and float(one.view @ other.view) < OTHER_VIEW
