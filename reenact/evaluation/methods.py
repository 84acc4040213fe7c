"""The interface of the methods that are evaluated."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from reenact.errors import InvalidOption
from reenact.types import FloatArray, Picture

Method = Callable[[list[Picture]], Iterable[Picture]]
"""Reconstruction: all frames of a 256x256 clip, of which the first is the source -> as many frames.

Absolute motion, no cropping; the same contract as ``reenact reconstruct``.
"""

CrossMethod = Callable[[Picture, list[Picture]], Iterable[Picture]]
"""Cross-identity, relative mode: a source picture, driving frames of another person -> as many frames."""


@dataclass(frozen=True)
class SwappedFrame:
    """One frame before and after the swap, both (H, W, 3) uint8, before label and encoding.

    ``mask`` (H, W) in [0, 1] is where the face may have been replaced; 0 marks unchanged pixels.
    """

    before: Picture
    after: Picture
    mask: FloatArray


SwapMethod = Callable[[Picture, Path], Iterable[SwappedFrame]]
"""Swap: a selfie (H, W, 3) uint8 and a clip of another person -> every frame of the clip."""


@dataclass(frozen=True)
class Candidate:
    """One method under comparison: its reconstruction and, if it has one, its cross-identity function."""

    reconstruct: Method
    animate: CrossMethod | None = None


def collect(name: str, frames: Iterable[Picture], like: list[Picture]) -> list[Picture]:
    """The frames of a method, after a check: as many as ``like``, (H, W, 3) uint8 of the same size.

    Raises:
        InvalidOption: the number, size or type of the frames differs.
    """
    made = list(frames)
    if len(made) != len(like):
        raise InvalidOption(
            f"The method {name!r} returned {len(made)} frames for {len(like)} driving frames."
        )
    for frame in made:
        if frame.shape != like[0].shape or frame.dtype != np.uint8:
            raise InvalidOption(
                f"The method {name!r} returned a frame {frame.shape} {frame.dtype}; "
                f"expected {like[0].shape} uint8."
            )
    return made
