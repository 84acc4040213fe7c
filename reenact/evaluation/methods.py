"""What is judged: a way to make a clip from frames."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from reenact.errors import InvalidOption
from reenact.types import FloatArray, Picture

Method = Callable[[list[Picture]], Iterable[Picture]]
"""Reconstruction: all frames of a 256x256 clip, the first of them the source -> as many frames.

Absolute motion, no cropping; the same contract as ``reenact reconstruct``.
"""

CrossMethod = Callable[[Picture, list[Picture]], Iterable[Picture]]
"""Cross-identity, relative mode: a source picture, driving frames of another person -> as many frames."""


@dataclass(frozen=True)
class SwappedFrame:
    """One frame of a clip as it was and with another face, both (H, W, 3) uint8, before label and encoding.

    ``mask`` (H, W) in [0, 1] is where the face may have been replaced: 0 where nothing was.
    """

    before: Picture
    after: Picture
    mask: FloatArray


SwapMethod = Callable[[Picture, Path], Iterable[SwappedFrame]]
"""Swap: a selfie (H, W, 3) uint8 and a clip of another person -> every frame of the clip."""


@dataclass(frozen=True)
class Candidate:
    """One column of the comparison: its reconstruction and, where it has one, its cross-identity side."""

    reconstruct: Method
    animate: CrossMethod | None = None


def collect(name: str, frames: Iterable[Picture], like: list[Picture]) -> list[Picture]:
    """The frames a method returned, held to its contract: as many as ``like``, (H, W, 3) uint8 of its size.

    Raises:
        InvalidOption: another number, size or type of frames.
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
