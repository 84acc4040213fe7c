"""Encoder, animator and composer graphs at run time: prepare a selfie once, render many frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reenact.errors import InvalidOption
from reenact.runtime import Session, in_order
from reenact.types import FloatArray, Keypoints, Picture

NATIVE_SIZE = 256  # what the networks see and paint
BATCH = 4  # frames a graph call; from 1 to 16 the CPU's cost of a frame rises by an eighth


@dataclass(frozen=True)
class Source:
    """A selfie made ready: ``picture`` (256, 256, 3), ``full`` (S, S, 3) for sizes above, pose, features.

    ``features`` are the encoder's outputs by name, whatever the model calls them.
    """

    picture: Picture
    full: Picture
    keypoints: Keypoints
    features: dict[str, FloatArray]


class Renderer:
    """Turns keypoints into pictures of one source; keeps nothing between calls."""

    def __init__(
        self, encode: Session, animate: Session, compose: Session | None, workers: int = 1, batch: int = BATCH
    ) -> None:
        """The graphs of a model folder beside ``keypoints``; without ``compose`` there is only one size.

        ``workers`` batches are painted at once, of ``batch`` frames each.
        """
        self._encode, self._animate, self._compose = encode, animate, compose
        self._workers, self._frames = workers, batch

    @property
    def scales(self) -> bool:
        """Whether this model can paint more than 256 pixels."""
        return self._compose is not None

    def prepare(self, picture: Picture, full: Picture, keypoints: Keypoints) -> Source:
        """Encode a selfie once.

        Args:
            picture: its crop, (256, 256, 3) uint8.
            full: the same crop at the size of the result, (S, S, 3) uint8.
            keypoints: of the crop, without a time axis.

        Raises:
            InvalidOption: ``full`` is larger than this model can paint.
        """
        if not self.scales and len(full) != NATIVE_SIZE:
            raise InvalidOption(f"This model paints {NATIVE_SIZE} pixels only; ask for size {NATIVE_SIZE}.")
        features = dict(zip(self._encode.outputs, self._encode(source=picture[None]), strict=True))
        return Source(picture, full, keypoints, features)

    def batched(self, batch: int) -> Renderer:
        """The same renderer with other batches."""
        return Renderer(self._encode, self._animate, self._compose, self._workers, batch)

    def render(self, source: Source, driving: Keypoints) -> Iterator[Picture]:
        """The source in each driving pose: T pictures (S, S, 3) uint8, made a batch at a time."""
        starts = range(0, len(driving), self._frames)
        batches = (driving[start : start + self._frames] for start in starts)
        for pictures in in_order(lambda batch: self._batch(source, batch), batches, self._workers):
            yield from pictures

    def paint(self, source: Source, driving: Keypoints) -> list[NDArray[np.generic]]:
        """One batch at 256: pictures (B, 256, 256, 3) uint8 and, where the model scales, alpha and flow."""
        return list(self._animate(**self.inputs(source, driving)))

    def compose(self, source: Source, painted: list[NDArray[np.generic]]) -> Picture:
        """The same batch at the size of the result, (B, S, S, 3) uint8."""
        picture, *rest = painted
        if self._compose is not None and len(source.full) != NATIVE_SIZE:
            alpha, flow = rest
            (picture,) = self._compose(source=source.full[None], picture=picture, alpha=alpha, flow=flow)
        return np.asarray(picture, np.uint8)

    def _batch(self, source: Source, driving: Keypoints) -> Picture:
        return self.compose(source, self.paint(source, driving))

    def inputs(self, source: Source, driving: Keypoints) -> dict[str, NDArray[np.generic]]:
        """What the animator is called with for these poses, by name."""
        still = source.keypoints
        known: dict[str, NDArray[np.generic]] = {
            "source": source.picture[None],
            **source.features,
            "source_points": still.points[None],
            "source_jacobians": still.jacobians[None],
            "source_landmarks": still.landmarks[None],
            "points": driving.points,
            "jacobians": driving.jacobians,
            "landmarks": driving.landmarks,
        }
        return {name: known[name] for name in self._animate.inputs}  # FOMM's graph has no landmarks
