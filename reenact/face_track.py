"""The track of a face through a clip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reenact.types import Crop, FloatArray, Keypoints, Picture


@dataclass(frozen=True)
class CleanFace:
    """A face without occlusion: its square (256, 256, 3) uint8, and its pose there."""

    picture: Picture
    pose: Keypoints


@dataclass(frozen=True)
class FaceTrack:
    """One face through a clip of T frames; it is upright in the square of each frame.

    ``squares`` (T, 4) float32 are centre x, y and side in pixels of the frame and the clockwise angle in
    radians. ``landmarks`` (T, 478, 2) float32 and ``keypoints`` (T frames) lie in the units of their square.
    ``visibility`` (T,) float32 in [0, 1] is 0 where the face is not visible, with a fade before and after;
    the other values are then those of a frame nearby. ``shots`` (T,) numbers the shots between cuts from 0,
    and ``clean`` has the best frame of the face for each shot.
    """

    squares: FloatArray
    landmarks: FloatArray
    keypoints: Keypoints
    visibility: FloatArray
    shots: NDArray[np.intp]
    clean: dict[int, CleanFace]

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.visibility)

    def square(self, frame: int) -> Crop:
        """Where the face is in this frame."""
        return Crop.around(self.squares[frame])

    def part(self, first: int, last: int) -> FaceTrack:
        """The frames from ``first`` up to ``last``, which is excluded."""
        part = slice(first, last)
        return FaceTrack(
            self.squares[part],
            self.landmarks[part],
            self.keypoints[part],
            self.visibility[part],
            self.shots[part],
            self.clean,
        )

    def painted_size(self, most: int) -> int:
        """Sufficient side in pixels for this face: 256, 512 or 1024, and at most ``most``."""
        side = float(np.median(self.squares[:, 2]))
        return next((size for size in (256, 512) if size >= most or side <= 1.25 * size), most)
