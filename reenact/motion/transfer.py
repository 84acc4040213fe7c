"""Transfer of a template's keypoints to a selfie: relative or absolute motion."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from reenact.errors import InvalidOption
from reenact.landmarks import OPENINGS
from reenact.motion.mouth import transfer_mouth_opening
from reenact.types import FloatArray, Keypoints

Mode = Literal["relative", "absolute"]

_, *_LIDS = OPENINGS


@dataclass(frozen=True)
class TransferOptions:
    """How the motion of a template is transferred to another face."""

    mode: Mode = "relative"  # relative: what changes since the start frame; absolute: the driving pose itself
    strength: float = 1.0  # 0 keeps the selfie still, 1 is the template's movement, up to 2 exaggerates
    start: Literal["first", "best"] = "first"  # driving frame that corresponds to the selfie's own pose

    def __post_init__(self) -> None:
        """Check the ranges; raises InvalidOption."""
        if self.mode not in ("relative", "absolute"):
            raise InvalidOption(f"mode is relative or absolute, not {self.mode!r}.")
        if self.start not in ("first", "best"):
            raise InvalidOption(f"start is first or best, not {self.start!r}.")
        if not 0 <= self.strength <= 2:
            raise InvalidOption(f"strength is between 0 and 2, not {self.strength:g}.")


def transfer(source: Keypoints, driving: Keypoints, options: TransferOptions, fps: Fraction) -> Keypoints:
    """Keypoints that make ``source`` move like ``driving``.

    Args:
        source: of the selfie, without a time axis.
        driving: of the template, T frames.
        options: mode, strength and start frame.
        fps: frames a second of the driving.

    Returns:
        T frames of keypoints for the renderer.
    """
    if options.mode == "absolute":
        return _absolute(source, driving, options.strength)
    start = best_start(source, driving) if options.start == "best" else 0
    return _relative(source, driving, start, options.strength, fps)


def best_start(source: Keypoints, driving: Keypoints) -> int:
    """Index of the driving frame whose pose is nearest to the source's, up to translation and scale."""
    wanted = _shape(source.landmarks)
    distances = np.square(_shape(driving.landmarks) - wanted).sum((-2, -1))
    return int(distances.argmin())


def hull_area(points: NDArray[np.floating]) -> float:
    """Area of the convex hull of points (N, 2), in their units squared (Andrew's monotone chain)."""
    ordered = sorted((float(x), float(y)) for x, y in points)
    hull = _half_hull(ordered) + _half_hull(ordered[::-1])
    x, y = np.array(hull).reshape(-1, 2).T  # coincident points have no hull
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)


def _half_hull(ordered: list[tuple[float, float]]) -> list[tuple[float, float]]:
    kept: list[tuple[float, float]] = []
    for point in ordered:
        while len(kept) > 1 and _cross(kept[-2], kept[-1], point) <= 0:
            kept.pop()
        kept.append(point)
    return kept[:-1]


def _cross(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _relative(source: Keypoints, driving: Keypoints, first: int, strength: float, fps: Fraction) -> Keypoints:
    """FOMM's ``normalize_kp``: shifts scaled by the faces' sizes, jacobians by their change (equation 14).

    The size of a face is the square root of its hull's area. ``first`` is the frame that motion counts from.
    """
    start = driving[first]
    size = float(np.sqrt(hull_area(source.landmarks)))
    scale = size / float(np.sqrt(max(hull_area(start.landmarks), 1e-6)))
    points = source.points + (driving.points - start.points) * np.float32(scale * strength)
    landmarks = source.landmarks + (driving.landmarks - start.landmarks) * np.float32(scale * strength)
    landmarks = transfer_mouth_opening(
        landmarks, source.landmarks, driving.landmarks, first, size, scale, strength, fps
    )
    change = driving.jacobians @ np.linalg.inv(start.jacobians)
    eye = np.eye(2, dtype=np.float32)
    jacobians = (eye + (change - eye) * np.float32(strength)) @ source.jacobians
    landmarks = _close_lids_in_proportion(landmarks, source, driving, start, strength)
    return Keypoints(points, jacobians.astype(np.float32), landmarks)


def _close_lids_in_proportion(
    landmarks: FloatArray, source: Keypoints, driving: Keypoints, start: Keypoints, strength: float
) -> FloatArray:
    """Open each eye by the same share of its own opening as the driving eye.

    A plain shift would leave a wide eye half open in a blink, and close a narrow one past its lower lid.
    """
    landmarks = landmarks.copy()
    for upper, lower in _LIDS:
        was = float(np.linalg.norm(start.landmarks[upper] - start.landmarks[lower]))
        now = np.linalg.norm(driving.landmarks[:, upper] - driving.landmarks[:, lower], axis=-1)
        share = np.clip(1 + (now / max(was, 1e-3) - 1) * strength, 0, 1.6)[:, None]
        opening = source.landmarks[upper] - source.landmarks[lower]
        landmarks[:, upper] = landmarks[:, lower] + opening * share
    return landmarks.astype(np.float32)


def _absolute(source: Keypoints, driving: Keypoints, strength: float) -> Keypoints:
    def blend(still: FloatArray, moved: FloatArray) -> FloatArray:
        return (still + (moved - still) * strength).astype(np.float32)

    return Keypoints(
        blend(source.points, driving.points),
        blend(source.jacobians, driving.jacobians),
        blend(source.landmarks, driving.landmarks),
    )


def _shape(landmarks: FloatArray) -> FloatArray:
    centred = landmarks - landmarks.mean(-2, keepdims=True)
    size = np.sqrt(np.square(centred).mean((-2, -1), keepdims=True))
    return np.asarray(centred / size, np.float32)
