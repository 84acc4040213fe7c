"""Retiming of a captured motion: trim, smooth, scale, change the frame rate, loop.

trim -> smooth -> scale -> (forth and back) -> interpolate -> (close the loop) -> repeat
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from reenact.errors import InvalidOption
from reenact.types import FloatArray, Keypoints, Motion

Loop = Literal["none", "blend", "pingpong"]
LOOPS = ("none", "blend", "pingpong")
_FLOAT = NDArray[np.float64]

# The head is slower than lids and lips, and its learned keypoints are noisier than the mesh.
_HEAD_SMOOTHING = 1.5


@dataclass(frozen=True)
class RetimeOptions:
    """Changes to a captured motion. The defaults change nothing."""

    first: int = 0  # first frame that is used, counted from 0
    last: int | None = None  # last frame that is used; None: the end
    fps: int | None = None  # frames per second of the result; None: as captured
    speed: float = 1.0  # 2 is twice as fast, at most 4 and at least 0.25
    smooth: float = 0.0  # standard deviation in captured frames, 0 to 5; the head gets 1.5 times that
    strength: float = 1.0  # 1.5 exaggerates what changes since the first frame, 0.5 halves it; up to 2
    loop: Loop = "none"  # blend: the end is blended into the first frame; pingpong: forth and back
    blend: float = 0.4  # seconds at the end that are blended, for loop="blend"
    repeat: int = 1  # repetitions, 1 to 20

    def __post_init__(self) -> None:
        """Check the ranges; raises InvalidOption."""
        if self.loop not in LOOPS:
            raise InvalidOption(f"loop is none, blend or pingpong, not {self.loop!r}.")
        for name, value, low, high in (
            ("first", self.first, 0, 100_000),
            ("fps", 25 if self.fps is None else self.fps, 1, 60),
            ("speed", self.speed, 0.25, 4),
            ("smooth", self.smooth, 0, 5),
            ("strength", self.strength, 0, 2),
            ("blend", self.blend, 0, 10),
            ("repeat", self.repeat, 1, 20),
        ):
            if not low <= value <= high:
                raise InvalidOption(f"{name} is between {low} and {high}, not {value}.")
        if self.last is not None and self.last <= self.first:
            raise InvalidOption(f"The last frame ({self.last}) comes after the first ({self.first}).")


def retime(motion: Motion, options: RetimeOptions) -> Motion:
    """A new motion of the same face.

    Args:
        motion: as ``reenact.track`` captured it.
        options: the part, rate, speed, smoothing and loop.

    Raises:
        InvalidOption: the motion has no such frames.
    """
    last = len(motion) - 1 if options.last is None else options.last
    if not options.first <= last < len(motion):
        raise InvalidOption(
            f"The motion has {len(motion)} frames; {options.first} to {last} are not among them."
        )
    fps = motion.fps if options.fps is None else Fraction(options.fps)
    step = float(motion.fps / fps) * options.speed
    back = round(options.blend * fps) if options.loop == "blend" else 0

    def change(values: FloatArray, smooth: float) -> FloatArray:
        knots = gaussian_smooth(values[options.first : last + 1].astype(np.float64), smooth)
        knots = knots[0] + (knots - knots[0]) * options.strength
        moving = resample_knots(knots, step, forth_and_back=options.loop == "pingpong")
        return np.concatenate([blend_loop_end(moving, back)] * options.repeat).astype(np.float32)

    return replace(motion, keypoints=_map_keypoints(motion.keypoints, change, options.smooth), fps=fps)


def gaussian_smooth(values: _FLOAT, deviation: float) -> _FLOAT:
    """Values (T, ...) after a Gaussian along time, mirrored at both ends; ``deviation`` in frames."""
    if deviation <= 0 or len(values) < 2:
        return values
    reach = int(np.ceil(3 * deviation))
    offsets = np.arange(-reach, reach + 1)
    weights = np.exp(-0.5 * (offsets / deviation) ** 2)
    around = np.abs(np.arange(len(values))[:, None] + offsets)
    around = around % (2 * len(values) - 2)
    around = np.minimum(around, 2 * len(values) - 2 - around)
    return np.asarray(np.einsum("tk...,k->t...", values[around], weights / weights.sum()))


def resample_knots(knots: _FLOAT, step: float, forth_and_back: bool = False) -> _FLOAT:
    """Values (N, ...) taken every ``step`` frames by monotone cubic interpolation.

    Fritsch and Carlson, "Monotone Piecewise Cubic Interpolation", 1980: it goes through the knots and never
    beyond them, so a lid that is closed in a knot is not closed further between two.

    With ``forth_and_back`` the way back follows, without showing either end twice.
    """
    if len(knots) < 2:
        return knots
    path = np.concatenate([knots, knots[-2::-1]]) if forth_and_back else knots
    count = int((len(path) - 1) / step + 1e-9) + 1
    if forth_and_back:
        count = max(2, round((len(path) - 1) / step))  # the next round begins where this one would end
        step = (len(path) - 1) / count
    times = np.arange(count, dtype=np.float64) * step
    return hermite(path, _slopes(path), times)


def hermite(knots: _FLOAT, slopes: _FLOAT, times: _FLOAT) -> _FLOAT:
    """Cubic Hermite interpolation of knots (N, ...) one frame apart, at times (T,) in frames."""
    index = np.minimum(times.astype(int), len(knots) - 2)
    t = (times - index).reshape(-1, *[1] * (knots.ndim - 1))
    t2, t3 = t * t, t * t * t
    start = (2 * t3 - 3 * t2 + 1) * knots[index] + (t3 - 2 * t2 + t) * slopes[index]
    end = (3 * t2 - 2 * t3) * knots[index + 1] + (t3 - t2) * slopes[index + 1]
    return np.asarray(start + end)


def blend_loop_end(values: _FLOAT, frames: int) -> _FLOAT:
    """Values (T, ...) whose last ``frames`` are blended into the first one, so that the loop has no jump."""
    frames = min(frames, len(values) - 1)
    if frames < 1:
        return values
    share = (np.arange(frames) + 1) / (frames + 1)
    share = (share * share * (3 - 2 * share)).reshape(-1, *[1] * (values.ndim - 1))
    end = values[-frames:] + (values[0] - values[-frames:]) * share
    return np.concatenate([values[:-frames], end])


def _slopes(knots: _FLOAT) -> _FLOAT:
    """Slope at each knot: the harmonic mean of its neighbours' rises, 0 at a peak and at both ends."""
    rise = np.diff(knots, axis=0)
    before, after = rise[:-1], rise[1:]
    total = before + after
    mean = 2 * before * after / np.where(np.abs(total) < 1e-12, 1.0, total)
    still = np.zeros_like(knots[:1])
    return np.concatenate([still, np.where(before * after > 0, mean, 0.0), still])


def _map_keypoints(
    keypoints: Keypoints, change: Callable[[FloatArray, float], FloatArray], smooth: float
) -> Keypoints:
    return Keypoints(
        change(keypoints.points, smooth * _HEAD_SMOOTHING),
        change(keypoints.jacobians, smooth * _HEAD_SMOOTHING),
        change(keypoints.landmarks, smooth),
    )
