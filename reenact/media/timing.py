"""Frames at any times -> frames at a constant rate."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

import numpy as np

T = TypeVar("T")

STANDARD_RATES = (
    *(Fraction(n) for n in (5, 6, 8, 10, 12, 15, 20)),
    *(Fraction(n * 1000, 1001) for n in (12, 15, 24, 30, 48, 60)),
    *(Fraction(n) for n in (24, 25, 30, 48, 50, 60)),
)
_FALLBACK_RATE = Fraction(25)  # where a file gives no usable time at all


@dataclass(frozen=True)
class Timeline:
    """How a clip is played: ``count`` frames at ``rate`` per second.

    ``uniform``: the file's frames already lie on that grid and are passed on one to one.
    """

    rate: Fraction
    count: int
    uniform: bool

    @property
    def seconds(self) -> float:
        """Duration in seconds."""
        return float(self.count / self.rate)


def plan_timeline(
    starts: Sequence[float], last: float | None, hints: Sequence[Fraction | None], max_rate: Fraction
) -> Timeline:
    """Choose a constant rate for frames that begin at ``starts`` (seconds, ascending, at least one).

    ``last`` is how long the last frame stays (None: as long as the others). The first of ``hints`` (rates
    from the file's header) on whose grid all frames lie is taken, then the measured rate. When the frames lie
    on no grid, or come faster than ``max_rate``, they have to be resampled; the rate is then that of the most
    usual distance between frames, so that a still at the end does not slow down the movement before it.
    """
    known = [rate for rate in hints if rate is not None and rate > 0]
    gaps = np.diff(starts)
    gaps = gaps[gaps > 0]
    if not len(gaps):  # one frame, or no usable times
        rate = known[0] if known else _FALLBACK_RATE
        return Timeline(min(rate, max_rate), len(starts), uniform=True)
    usual = float(np.median(gaps))
    mean = (len(starts) - 1) / (starts[-1] - starts[0])
    for rate in (*known, _tidy(mean), _short(mean)):
        if rate <= max_rate and _on_grid(starts, rate):
            return Timeline(rate, len(starts), uniform=True)
    rate = min(_tidy(1 / usual), max_rate)
    seconds = starts[-1] - starts[0] + (usual if last is None else last)
    return Timeline(rate, max(1, round(seconds * rate)), uniform=False)


def _on_grid(starts: Sequence[float], rate: Fraction) -> bool:
    """Whether frame i lies near i / rate, for all i: within a quarter of a step around one common shift."""
    offsets = np.asarray(starts) * float(rate) - np.arange(len(starts))
    return bool(np.ptp(offsets) < 0.5)


def _tidy(rate: float) -> Fraction:
    """The standard rate within half a per cent of ``rate``, or else a short fraction near it."""
    nearest = min(STANDARD_RATES, key=lambda standard: abs(float(standard) - rate))
    if abs(float(nearest) - rate) < 0.005 * rate:
        return nearest
    return _short(rate)


def _short(rate: float) -> Fraction:
    """A fraction near ``rate`` that a container can store; never zero."""
    return Fraction(rate).limit_denominator(1001) or Fraction(1, 1001)


def resample(frames: Iterator[tuple[float, T]], rate: Fraction, count: int) -> Iterator[T]:
    """``count`` frames at ``rate``: each begins at the tick nearest to its time and stays until the next one.

    ``frames`` are (seconds, frame); the first one starts the clock, and one is held at a time. Of several
    frames for one tick the last is shown; times that run backwards do no harm. Nothing comes out when
    nothing goes in.
    """
    tick = 0
    held: T | None = None
    origin: float | None = None
    for time, frame in frames:
        origin = time if origin is None else origin
        # Halves go up, with room for rounding: of a clip at twice the rate every second frame is taken.
        begin = math.floor((time - origin) * float(rate) + 0.5 + 1e-6)
        while held is not None and tick < min(begin, count):
            yield held
            tick += 1
        held = frame
    while held is not None and tick < count:
        yield held
        tick += 1
