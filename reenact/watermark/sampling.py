"""The part of a clip that is looked at: bounded, however long the clip and however large its frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import islice

from reenact.errors import DrivingUnreadable
from reenact.types import FloatArray, Picture
from reenact.watermark.pattern import TILE
from reenact.watermark.residual import HALF_WINDOW, WINDOW, luma_of, residual

_MAX_SIDE = 1024  # pixels of a side: of larger frames only the middle is looked at
_DECODED_FRAMES = 128  # frames that are decoded: where a clip begins says most, and decoding is what costs
_USED_FRAMES = 64  # of them, those that are looked at
_FIRST_FRAMES = 3  # of those, words are read from the first few
_READ_EVERY = 8  # and from one of so many


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
        self._step = max(1, min(count or 1, _DECODED_FRAMES) // _USED_FRAMES)
        kept = (
            at for at in enumerate(self._used_frames()) if at[0] < _FIRST_FRAMES or at[0] % _READ_EVERY == 0
        )
        self.lumas = [_luma(frame) for _, frame in kept]  # (H, W) each: the first few, then every eighth
        if not self.lumas:
            raise DrivingUnreadable("The clip has no frames.")

    @property
    def weights(self) -> list[list[float]]:
        """How ``lumas`` may be added up: one alone, the first few and that one most, all alike."""
        count = len(self.lumas)
        early = [0.5 * ((at == 0) + (at < _FIRST_FRAMES)) for at in range(count)]
        return [[1.0] + [0.0] * (count - 1), early, [1.0] * count][: min(count, 3)]

    @cached_property
    def residual_sums(self) -> dict[int, FloatArray]:
        """What differs from its surroundings, summed over ``lumas``: (H, W) for each window."""
        return {window: self._residual_sum(window) for window in (WINDOW, HALF_WINDOW)}

    def all_lumas(self) -> Iterator[FloatArray]:
        """Every frame that is looked at: (H, W)."""
        return map(_luma, self._used_frames())

    def _used_frames(self) -> Iterator[Picture]:
        return islice(self._frames(), 0, _DECODED_FRAMES, self._step)

    def _residual_sum(self, window: int) -> FloatArray:
        total = residual(self.lumas[0], window)
        for luma in self.lumas[1:]:
            total += residual(luma, window)
        return total


def central_part(values: FloatArray, side: int) -> FloatArray:
    """At most ``side`` pixels around the middle, from where a tile of a clip that was not cropped begins."""
    return values[_central_slices(values.shape, side)]


def _luma(frame: Picture) -> FloatArray:
    return luma_of(frame[_central_slices(frame.shape, _MAX_SIDE)])


def _central_slices(shape: tuple[int, ...], side: int) -> tuple[slice, slice]:
    top, left = (max(0, (length - side) // 2) // TILE * TILE for length in shape[:2])
    return slice(top, top + side), slice(left, left + side)
