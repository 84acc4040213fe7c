"""One rendered face laid over one face of a clip, frame by frame."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from reenact.blending import colour
from reenact.blending.blend import blend
from reenact.blending.mask import mask
from reenact.face.align import extract_crop
from reenact.types import FaceTrack, FloatArray, Picture

_EASED = 0.3  # seconds in which colours follow those of the clip


class Overlay:
    """Keeps what goes from frame to frame: colours are eased over time, and start anew at each extract_crop.

    Frames of one clip are laid in their order, each at most once; one thread at a time.
    """

    def __init__(self, track: FaceTrack, fps: Fraction) -> None:
        """``track`` is the face that is replaced, in a clip of ``fps`` frames a second."""
        self.track = track
        self._share = 1 / (1 + _EASED * float(fps) / 2)
        self._colours: FloatArray | None = None
        self._shot = -1

    def lay(self, index: int, frame: Picture, square: Picture, driven: FloatArray) -> Picture:
        """The frame with the new face.

        Args:
            index: of the frame in the clip, from 0.
            frame: (H, W, 3) uint8.
            square: (S, S, 3) uint8, the rendered face in the track's square of this frame.
            driven: (L, 2) landmarks that it was rendered with, in crop units.

        Returns:
            (H, W, 3) uint8; the same to the bit outside of the face.
        """
        crop, side = self.track.square(index), len(square)
        target = extract_crop(frame, crop, side)
        landmarks = (self.track.landmarks[index] + 1) * np.float32(side / 2)
        alpha = mask(landmarks, driven, side)
        square = colour.apply(square, self._eased(index, colour.fit(square, target, alpha, landmarks)))
        return blend(frame, square, alpha * self.track.visibility[index], crop)

    def _eased(self, index: int, colours: FloatArray) -> FloatArray:
        """Colours (C,) that follow those of the frames, without their flicker."""
        shot = int(self.track.shots[index])
        if self._colours is None or shot != self._shot:
            self._colours, self._shot = colours, shot
        self._colours = self._colours + np.float32(self._share) * (colours - self._colours)
        return self._colours
