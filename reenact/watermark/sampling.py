"""The part of a clip that is looked at: bounded, however long the clip and however large its frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import islice

from reenact.errors import DrivingUnreadable
from reenact.types import FloatArray, Picture
from reenact.watermark.pattern import TILE
from reenact.watermark.residual import HALF_WINDOW, WINDOW, luma_of, residual

_MIDDLE = 1024  # pixels of a side: of larger frames only the middle is looked at
_SPAN = 128  # frames that are decoded: where a clip begins says most, and decoding is what costs
_FRAMES = 64  # of them, those that are looked at
_FIRST = 3  # of those, words are read from the first few
_EACH = 8  # and from one of so many


class Sample:
    """Frames of a clip, decoded once, and once more where a mark was found."""

    def __init__(self, frames: Callable[[], Iterator[Picture]], count: int | None = None) -> None:
        """Decode what words are read from.

        Args:
            frames: opens the clip.
            count: how many frames there are, as far as that is known.

        Raises:
            DrivingUnreadable: there are none.
        """
        self._frames = frames
        self._step = max(1, min(count or 1, _SPAN) // _FRAMES)
        kept = (at for at in enumerate(self._looked()) if at[0] < _FIRST or at[0] % _EACH == 0)
        self.lumas = [_luma(frame) for _, frame in kept]  # (H, W) each: the first few, then every eighth
        if not self.lumas:
            raise DrivingUnreadable("The clip has no frames.")

    @property
    def weights(self) -> list[list[float]]:
        """How ``lumas`` may be added up: one alone, the first few and that one most, all alike."""
        count = len(self.lumas)
        early = [0.5 * ((at == 0) + (at < _FIRST)) for at in range(count)]
        return [[1.0] + [0.0] * (count - 1), early, [1.0] * count][: min(count, 3)]

    @cached_property
    def totals(self) -> dict[int, FloatArray]:
        """What differs from its surroundings, summed over ``lumas``: (H, W) for each window."""
        return {window: self._total(window) for window in (WINDOW, HALF_WINDOW)}

    def again(self) -> Iterator[FloatArray]:
        """Every frame that is looked at: (H, W)."""
        return map(_luma, self._looked())

    def _looked(self) -> Iterator[Picture]:
        return islice(self._frames(), 0, _SPAN, self._step)

    def _total(self, window: int) -> FloatArray:
        total = residual(self.lumas[0], window)
        for luma in self.lumas[1:]:
            total += residual(luma, window)
        return total


def middle(values: FloatArray, side: int) -> FloatArray:
    """At most ``side`` pixels around the middle, from where a tile of a clip that was not cropped begins."""
    return values[_inner(values.shape, side)]


def _luma(frame: Picture) -> FloatArray:
    return luma_of(frame[_inner(frame.shape, _MIDDLE)])


def _inner(shape: tuple[int, ...], side: int) -> tuple[slice, slice]:
    top, left = (max(0, (length - side) // 2) // TILE * TILE for length in shape[:2])
    return slice(top, top + side), slice(left, left + side)
