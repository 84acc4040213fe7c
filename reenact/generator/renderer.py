"""Encoder, animator and composer graphs at run time: prepare a selfie once, render many frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from reenact.runtime import Session
from reenact.types import FloatArray, Keypoints, Picture

NATIVE_SIZE = 256  # what the networks see and paint
BATCH = 8  # frames a graph call


@dataclass(frozen=True)
class Source:
    """A selfie made ready: ``picture`` (256, 256, 3), ``full`` (S, S, 3) for sizes above, features, pose."""

    picture: Picture
    full: Picture
    keypoints: Keypoints
    fine: FloatArray
    coarse: FloatArray


class Renderer:
    """Turns keypoints into pictures of one source; keeps nothing between calls."""

    def __init__(self, encode: Session, animate: Session, compose: Session) -> None:
        """The three graphs that ``reenact export`` writes beside ``keypoints``."""
        self._encode, self._animate, self._compose = encode, animate, compose

    def prepare(self, picture: Picture, full: Picture, keypoints: Keypoints) -> Source:
        """Encode a selfie once.

        Args:
            picture: its crop, (256, 256, 3) uint8.
            full: the same crop at the size of the result, (S, S, 3) uint8.
            keypoints: of the crop, without a time axis.
        """
        fine, coarse = self._encode(source=picture[None])
        return Source(picture, full, keypoints, fine, coarse)

    def render(self, source: Source, driving: Keypoints) -> Iterator[Picture]:
        """The source in each driving pose: T pictures (S, S, 3) uint8, made a batch at a time."""
        for start in range(0, len(driving), BATCH):
            yield from self._batch(source, driving[start : start + BATCH])

    def _batch(self, source: Source, driving: Keypoints) -> Picture:
        still = source.keypoints
        picture, alpha, flow = self._animate(
            source=source.picture[None],
            fine=source.fine,
            coarse=source.coarse,
            source_points=still.points[None],
            source_jacobians=still.jacobians[None],
            source_landmarks=still.landmarks[None],
            points=driving.points,
            jacobians=driving.jacobians,
            landmarks=driving.landmarks,
        )
        if len(source.full) != NATIVE_SIZE:
            (picture,) = self._compose(source=source.full[None], picture=picture, alpha=alpha, flow=flow)
        return np.asarray(picture, np.uint8)
