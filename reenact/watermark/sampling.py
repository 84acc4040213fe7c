"""The part of a clip that is examined: bounded, however long the clip and however large its frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import islice

from reenact.errors import DrivingUnreadable
from reenact.types import FloatArray, Picture
from reenact.watermark.pattern import TILE
from reenact.watermark.residual import HALF_WINDOW, WINDOW, luma_of, residual

_MAX_SIDE = 1024  # pixels of a side: of larger frames only the centre is used
_DECODED_FRAMES = (
    128  # frames that are decoded: the start of a clip is the most reliable, and decoding is the cost
)
_USED_FRAMES = 64  # of them, those that are used
_FIRST_FRAMES = 3  # of those, the first few are kept for reading words
_READ_EVERY = 8  # and one of so many after that


class Sample:
    """Frames of a clip, decoded once, and a second time where a mark was found."""

    def __init__(self, frames: Callable[[], Iterator[Picture]], count: int | None = None) -> None:
        """Decode the frames from which words are read.

        Args:
            frames: opens the clip.
            count: number of frames, if known.

        Raises:
            DrivingUnreadable: the clip has no frames.
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
        """Weights for summing ``lumas``: the first alone; the first few, the first one most; all alike."""
        count = len(self.lumas)
        early = [0.5 * ((at == 0) + (at < _FIRST_FRAMES)) for at in range(count)]
        return [[1.0] + [0.0] * (count - 1), early, [1.0] * count][: min(count, 3)]

    @cached_property
    def residual_sums(self) -> dict[int, FloatArray]:
        """The residual summed over ``lumas``: (H, W) for each window size."""
        return {window: self._residual_sum(window) for window in (WINDOW, HALF_WINDOW)}

    def all_lumas(self) -> Iterator[FloatArray]:
        """The luma of every frame that is used: (H, W)."""
        return map(_luma, self._used_frames())

    def _used_frames(self) -> Iterator[Picture]:
        return islice(self._frames(), 0, _DECODED_FRAMES, self._step)

    def _residual_sum(self, window: int) -> FloatArray:
        total = residual(self.lumas[0], window)
        for luma in self.lumas[1:]:
            total += residual(luma, window)
        return total


def central_part(values: FloatArray, side: int) -> FloatArray:
    """At most ``side`` x ``side`` central pixels, from a tile border of a clip that was not cropped."""
    return values[_central_slices(values.shape, side)]


def _luma(frame: Picture) -> FloatArray:
    return luma_of(frame[_central_slices(frame.shape, _MAX_SIDE)])


def _central_slices(shape: tuple[int, ...], side: int) -> tuple[slice, slice]:
    top, left = (max(0, (length - side) // 2) // TILE * TILE for length in shape[:2])
    return slice(top, top + side), slice(left, left + side)
