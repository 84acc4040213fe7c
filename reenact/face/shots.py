"""Shot boundary detection, and the frames of a clip in which a face is reliably visible."""

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

# Share of the clip's median contrast. Below it, in a fade or a flash, the mesh still finds a face, but the
# learned keypoints are off by more than 0.03 of the crop.
MIN_CONTRAST = 0.3
# 99 % of frame pairs from different clips differ in more bits and correlate less; of 2,000 neighbouring
# frames of one clip nine do, all in clips with a low frame rate.
MIN_FACE_DISTANCE, MAX_THUMBNAIL_CORRELATION = 72, 0.7
# Between frames at 12.5 fps: shift in face heights, ratio of heights, rotation in radians; motion has less
MAX_SHIFT, MAX_GROWTH, MAX_TURN = 0.4, 1.18, 0.6
DISSOLVE_SECONDS = Fraction(
    3, 5
)  # seconds over which frames are compared: longer dissolves differ enough in them
# In a dissolve both ends have at least this weight, and the residual is at most this: 0.15 in dissolves, 0.29
# or more where heads or cameras move.
MIN_BLEND_WEIGHT, MAX_BLEND_RESIDUAL = 0.3, 0.2
MIN_SHOT_SECONDS = Fraction(1, 5)  # shorter shots are treated as disturbances


@dataclass(frozen=True)
class FrameFeatures:
    """Features of a frame with a face, for comparison with other frames.

    ``contrast`` is the standard deviation of the face's greys, 0 to 128; ``fingerprint`` its perceptual hash;
    ``thumbnail`` (256,) float32 is the whole frame, 16 x 16 greys of mean 0 and length 1.
    """

    face: Face
    contrast: float
    fingerprint: Bits
    thumbnail: FloatArray


def frame_features(picture: Picture, face: Face) -> FrameFeatures:
    """Extract the features of a frame."""
    grey = face_grey(picture, face)
    return FrameFeatures(
        face,
        float(grey.std()),
        perceptual_hash(grey),
        frame_thumbnail(picture),
    )


def frame_thumbnail(picture: Picture) -> FloatArray:
    """The whole frame as 16 x 16 greys of mean 0 and length 1: (256,) float32."""
    step = max(1, min(picture.shape[:2]) // 128)  # all pixels would take as long as the mesh
    few = np.ascontiguousarray(picture[::step, ::step])
    small = Image.fromarray(few).convert("L").resize((16, 16), Image.Resampling.BOX)
    thumbnail = np.asarray(small, np.float32).reshape(-1)
    thumbnail = thumbnail - thumbnail.mean()
    return np.asarray(thumbnail / max(float(np.linalg.norm(thumbnail)), 1e-6))


def detect_shots(features: list[FrameFeatures | None], fps: Fraction) -> NDArray[np.intp]:
    """The shot number of each frame, from 0: (T,); -1 where no face is reliably visible.

    A cut, a jump of the camera or another person starts a new shot. Frames of shots shorter than a fifth of a
    second, and of dissolves, count as frames without a face.

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
    # If most shots were short, large steps are normal in this clip, and it is one shot.
    return _shot_numbers(
        features,
        _split_at_cuts(features, long_enough, step_scale)
        if 2 * len(long_enough) >= len(features)
        else [seen],
    )


def single_shot(features: list[FrameFeatures | None]) -> NDArray[np.intp]:
    """``detect_shots`` for a clip without cuts: 0, or -1 where no face is reliably visible."""
    return _shot_numbers(features, [_reliable_frames(features)])


def _shot_numbers(features: list[FrameFeatures | None], groups: list[list[int]]) -> NDArray[np.intp]:
    numbers = np.full(len(features), -1, np.intp)
    for number, group in enumerate(groups):
        numbers[group] = number
    return numbers


def _reliable_frames(features: list[FrameFeatures | None]) -> list[int]:
    """Frames whose face is neither covered nor faded; all frames with a face if those are too few."""
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
    """Frames that are a blend of an earlier and a later frame which differ."""
    mixed: set[int] = set()
    for start, first in enumerate(seen):
        between = seen[start + 1 : start + reach]
        before, after = features[first], features[seen[min(start + reach, len(seen) - 1)]]
        if before and after and between and _differs(before, after):
            views = np.stack([each.thumbnail for index in between if (each := features[index])])
            ends = np.stack([before.thumbnail, after.thumbnail])
            # Least squares: the weights of both ends in each thumbnail, and the residual.
            weights = views @ ends.T @ np.linalg.pinv(ends @ ends.T)
            rest = np.linalg.norm(views - weights @ ends, axis=1) / np.linalg.norm(ends[1] - ends[0])
            is_mixed = (weights.min(1) > MIN_BLEND_WEIGHT) & (rest < MAX_BLEND_RESIDUAL)
            mixed.update(index for index, both in zip(between, is_mixed, strict=True) if both)
    return mixed


def _split_at_cuts(
    features: list[FrameFeatures | None], frames: list[int], step_scale: float
) -> list[list[int]]:
    """These frames, grouped; each group starts at a cut."""
    groups: list[list[int]] = []
    for index in frames:
        if groups and not is_cut(features[groups[-1][-1]], features[index], step_scale):
            groups[-1].append(index)
        else:
            groups.append([index])
    return groups


def is_cut(before: FrameFeatures | None, now: FrameFeatures | None, step_scale: float) -> bool:
    """Whether there is a cut between two frames; ``step_scale`` allows larger motion at low frame rates."""
    if before is None or now is None:
        return True
    shift = float(np.linalg.norm(now.face.landmarks.mean(0) - before.face.landmarks.mean(0)))
    growth = abs(math.log(max(now.face.height, 1e-6) / max(before.face.height, 1e-6)))
    turn = abs(float(np.angle(np.exp(1j * (now.face.roll - before.face.roll)))))
    leap = shift / max(before.face.height, 1e-6)
    moved = max(leap / MAX_SHIFT, growth / math.log(MAX_GROWTH), turn / MAX_TURN)
    return moved > step_scale or _differs(before, now)


def _differs(one: FrameFeatures, other: FrameFeatures) -> bool:
    """Whether face and thumbnail of two frames both differ."""
    far = int(hamming_distance(one.fingerprint, other.fingerprint)) > MIN_FACE_DISTANCE
    return far and float(one.thumbnail @ other.thumbnail) < MAX_THUMBNAIL_CORRELATION
