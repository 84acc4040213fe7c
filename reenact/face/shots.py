"""A clip's frames compared: in which a face is really seen, and where another take begins."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from reenact.face.find import CONFIDENT_PRESENCE
from reenact.face.fingerprint import Bits, face_grey, hamming_distance, perceptual_hash
from reenact.types import Face, FloatArray, Picture

# Of the clip's usual contrast: below it, in a fade or a flash, the mesh still finds a face, but learned
# keypoints are off by more than .03 of the square.
MIN_CONTRAST = 0.3
# Of two frames of different clips 99 % differ in more bits and look less alike; of 2,000 neighbours within a
# clip nine do, all in clips of some frames a second.
MIN_FACE_DISTANCE, MAX_THUMBNAIL_CORRELATION = 72, 0.7
# From frame to frame at 12.5 a second, in face heights, as their ratio, in radians; movement has less
MAX_SHIFT, MAX_GROWTH, MAX_TURN = 0.4, 1.18, 0.6
DISSOLVE_SECONDS = Fraction(
    3, 5
)  # seconds over which frames are compared: longer dissolves differ enough in them
# A mixture has so much of both ends, and so little of the way between them in neither: .15 in dissolves, and
# .29 or more where heads and cameras move.
MIN_BLEND_WEIGHT, MAX_BLEND_RESIDUAL = 0.3, 0.2
MIN_SHOT_SECONDS = Fraction(1, 5)  # seconds of a take; what is shorter is a disturbance


@dataclass(frozen=True)
class FrameFeatures:
    """What of a frame with a face is kept for comparison.

    ``contrast`` is the standard deviation of the face's greys, 0 to 128; ``fingerprint`` are its fingerprint;
    ``thumbnail`` (256,) float32 is the whole frame, 16 x 16 greys of mean 0 and length 1.
    """

    face: Face
    contrast: float
    fingerprint: Bits
    thumbnail: FloatArray


def frame_features(picture: Picture, face: Face) -> FrameFeatures:
    """Take from a frame what it is compared by."""
    grey = face_grey(picture, face)
    step = max(1, min(picture.shape[:2]) // 128)  # every pixel would take as long as a look of the mesh
    few = np.ascontiguousarray(picture[::step, ::step])
    small = Image.fromarray(few).convert("L").resize((16, 16), Image.Resampling.BOX)
    thumbnail = np.asarray(small, np.float32).reshape(-1)
    thumbnail = thumbnail - thumbnail.mean()
    return FrameFeatures(
        face,
        float(grey.std()),
        perceptual_hash(grey),
        thumbnail / max(float(np.linalg.norm(thumbnail)), 1e-6),
    )


def detect_shots(features: list[FrameFeatures | None], fps: Fraction) -> NDArray[np.intp]:
    """The number of the take that each frame belongs to, from 0 on: (T,); -1 where no face is really seen.

    A cut, a jump of the camera and another person begin a new take. A take of less than a fifth of a second
    is a disturbance, whose frames count as without a face; so do those of a dissolve.

    Args:
        features: of every frame; None where no face was found.
        fps: frames a second.
    """
    seen = _reliable_frames(features)
    mixed = _dissolve_frames(features, seen, round(DISSOLVE_SECONDS * fps))
    clear = [index for index in seen if index not in mixed]
    seen = clear if 2 * len(clear) >= len(features) else seen
    min_frames = max(2, round(MIN_SHOT_SECONDS * fps))
    step_scale = max(1.0, 12.5 / float(fps))
    long_enough = [
        index
        for group in _split_at_cuts(features, seen, step_scale)
        if len(group) >= min_frames
        for index in group
    ]
    # Where little lasts, large steps are how this clip moves.
    return _shot_numbers(
        features,
        _split_at_cuts(features, long_enough, step_scale)
        if 2 * len(long_enough) >= len(features)
        else [seen],
    )


def single_shot(features: list[FrameFeatures | None]) -> NDArray[np.intp]:
    """``detect_shots`` of a clip in which nothing counts as a cut: 0, or -1 where no face is really seen."""
    return _shot_numbers(features, [_reliable_frames(features)])


def _shot_numbers(features: list[FrameFeatures | None], groups: list[list[int]]) -> NDArray[np.intp]:
    numbers = np.full(len(features), -1, np.intp)
    for number, group in enumerate(groups):
        numbers[group] = number
    return numbers


def _reliable_frames(features: list[FrameFeatures | None]) -> list[int]:
    """The frames whose face is neither covered nor faded; in a poor clip all that have one."""
    found = [index for index, each in enumerate(features) if each is not None]
    sure = {
        index: each
        for index in found
        if (each := features[index]) and each.face.presence >= CONFIDENT_PRESENCE
    }
    usual = float(np.median([each.contrast for each in sure.values()] or [0]))
    clear = [index for index, each in sure.items() if each.contrast >= MIN_CONTRAST * usual]
    return clear if 2 * len(clear) >= len(features) else found


def _dissolve_frames(features: list[FrameFeatures | None], seen: list[int], reach: int) -> set[int]:
    """The frames that are a mixture of what is seen a little earlier and a little later, if those differ."""
    mixed: set[int] = set()
    for start, first in enumerate(seen):
        between = seen[start + 1 : start + reach]
        before, after = features[first], features[seen[min(start + reach, len(seen) - 1)]]
        if before and after and between and _differs(before, after):
            views = np.stack([each.thumbnail for index in between if (each := features[index])])
            ends = np.stack([before.thumbnail, after.thumbnail])
            # Least squares: how much of both ends is in each view, and what of it is in neither.
            weights = views @ ends.T @ np.linalg.pinv(ends @ ends.T)
            rest = np.linalg.norm(views - weights @ ends, axis=1) / np.linalg.norm(ends[1] - ends[0])
            is_mixed = (weights.min(1) > MIN_BLEND_WEIGHT) & (rest < MAX_BLEND_RESIDUAL)
            mixed.update(index for index, both in zip(between, is_mixed, strict=True) if both)
    return mixed


def _split_at_cuts(
    features: list[FrameFeatures | None], frames: list[int], step_scale: float
) -> list[list[int]]:
    """These frames in groups, of which each begins with a cut."""
    groups: list[list[int]] = []
    for index in frames:
        if groups and not _is_cut(features[groups[-1][-1]], features[index], step_scale):
            groups[-1].append(index)
        else:
            groups.append([index])
    return groups


def _is_cut(before: FrameFeatures | None, now: FrameFeatures | None, step_scale: float) -> bool:
    """Whether a frame begins another take; movement is so much larger from frame to frame."""
    if before is None or now is None:
        return True
    shift = float(np.linalg.norm(now.face.landmarks.mean(0) - before.face.landmarks.mean(0)))
    growth = abs(math.log(max(now.face.height, 1e-6) / max(before.face.height, 1e-6)))
    turn = abs(float(np.angle(np.exp(1j * (now.face.roll - before.face.roll)))))
    leap = shift / max(before.face.height, 1e-6)
    moved = max(leap / MAX_SHIFT, growth / math.log(MAX_GROWTH), turn / MAX_TURN)
    return moved > step_scale or _differs(before, now)


def _differs(one: FrameFeatures, other: FrameFeatures) -> bool:
    """Whether two frames hardly show the same."""
    far = int(hamming_distance(one.fingerprint, other.fingerprint)) > MIN_FACE_DISTANCE
    return far and float(one.thumbnail @ other.thumbnail) < MAX_THUMBNAIL_CORRELATION
