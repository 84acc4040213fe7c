"""Encoder, animator and composer graphs at run time: prepare a selfie once, render many frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from reenact.errors import InvalidOption
from reenact.runtime import DeviceTensor, Session, ordered_map
from reenact.types import Keypoints, Picture

NATIVE_SIZE = 256  # pixels of the networks' input and output
BATCH = 2  # frames per graph call; on a CPU a frame takes 3 % longer with 4, 8 % longer with 1 or 8
Composer = Callable[[int], Session]  # the compose graph for a result's side in pixels


@dataclass(frozen=True)
class Source:
    """A prepared selfie: ``picture`` (256, 256, 3), ``full`` (S, S, 3) for larger sizes, and its pose.

    ``inputs`` are the animator's inputs that depend on it, by name, on the graphs' device: picture, pose, and
    the encoder's outputs under the model's names. ``enlarged`` is ``full`` on that device.
    """

    picture: Picture
    full: Picture
    keypoints: Keypoints
    inputs: dict[str, DeviceTensor]
    enlarged: DeviceTensor


class Renderer:
    """Renders one source in poses given as keypoints; keeps no state between calls.

    Intermediate tensors stay on the graphs' device: per batch, only poses are copied to it and pictures from
    it.
    """

    def __init__(
        self,
        encode: Session,
        animate: Session,
        compose: Composer | None,
        workers: int = 1,
        batch: int = BATCH,
        fixed: bool = False,
    ) -> None:
        """The graphs of a model folder other than ``keypoints``.

        Args:
            encode: run once per selfie.
            animate: run for each batch.
            compose: None if the model renders one size only.
            workers: batches rendered in parallel.
            batch: frames per batch.
            fixed: whether the last batch is padded, as the graphs have a fixed batch size.
        """
        self._encode, self._animate, self._compose = encode, animate, compose
        self._workers, self._frames, self._fixed = workers, batch, fixed

    @property
    def scales(self) -> bool:
        """Whether this model can render more than 256 pixels."""
        return self._compose is not None

    def prepare(self, picture: Picture, full: Picture, keypoints: Keypoints) -> Source:
        """Encode a selfie once.

        Args:
            picture: the selfie's crop, (256, 256, 3) uint8.
            full: the same crop at the size of the result, (S, S, 3) uint8.
            keypoints: of the crop, without a time axis.

        Raises:
            InvalidOption: ``full`` is larger than this model can render.
        """
        if not self.scales and len(full) != NATIVE_SIZE:
            raise InvalidOption(f"This model only renders {NATIVE_SIZE} pixels. Use size {NATIVE_SIZE}.")
        to_device = self._animate.to_device
        image = to_device(picture[None])
        inputs = {
            "source": image,
            **dict(zip(self._encode.outputs, self._encode.run_on_device(source=image), strict=True)),
            "source_points": to_device(keypoints.points[None]),
            "source_jacobians": to_device(keypoints.jacobians[None]),
            "source_landmarks": to_device(keypoints.landmarks[None]),
        }
        enlarged = image if len(full) == NATIVE_SIZE else to_device(full[None])
        return Source(picture, full, keypoints, inputs, enlarged)

    def batched(self, batch: int) -> Renderer:
        """The same renderer with another batch size."""
        return Renderer(self._encode, self._animate, self._compose, self._workers, batch, self._fixed)

    def render(self, source: Source, driving: Keypoints) -> Iterator[Picture]:
        """The source in each driving pose: T pictures (S, S, 3) uint8, rendered batch by batch."""
        starts = range(0, len(driving), self._frames)
        batches = (driving[start : start + self._frames] for start in starts)
        for pictures in ordered_map(lambda batch: self._batch(source, batch), batches, self._workers):
            yield from pictures

    def paint(self, source: Source, driving: Keypoints) -> list[DeviceTensor]:
        """One batch at 256: pictures (B, 256, 256, 3) uint8, and the other inputs of ``compose``."""
        return self._animate.run_on_device(**self.inputs(source, driving))

    def compose(self, source: Source, painted: list[DeviceTensor]) -> Picture:
        """The same batch at the size of the result, (B, S, S, 3) uint8."""
        if self._compose is None or len(source.full) == NATIVE_SIZE:
            return np.asarray(painted[0].numpy(), np.uint8)
        graph = self._compose(len(source.full))
        compose = partial(graph.run_on_device, source=source.enlarged)
        made = dict(zip(self._animate.outputs, painted, strict=True))
        taken = {name: made[name] for name in graph.inputs if name in made}
        if self._fixed:
            pictures = [compose(**taken)]
        else:  # one frame at a time: no slower on a CPU, and each takes 0.3 GB at 1024 pixels
            rows = {name: each.numpy()[:, None] for name, each in taken.items()}
            frames = range(painted[0].shape()[0])
            pictures = [compose(**{name: each[i] for name, each in rows.items()}) for i in frames]
        return np.concatenate([np.asarray(each.numpy(), np.uint8) for (each,) in pictures])

    def _batch(self, source: Source, driving: Keypoints) -> Picture:
        whole = _filled(driving, self._frames) if self._fixed else driving
        return self.compose(source, self.paint(source, whole))[: len(driving)]

    def inputs(self, source: Source, driving: Keypoints) -> dict[str, NDArray[np.generic] | DeviceTensor]:
        """The animator's inputs for these poses, by name."""
        known: dict[str, NDArray[np.generic] | DeviceTensor] = {
            **source.inputs,
            "points": driving.points,
            "jacobians": driving.jacobians,
            "landmarks": driving.landmarks,
        }
        return {name: known[name] for name in self._animate.inputs}  # FOMM's graph takes no landmarks


def _filled(driving: Keypoints, length: int) -> Keypoints:
    """The poses, padded to ``length`` by repeating the last one."""
    return driving[np.minimum(np.arange(length), len(driving) - 1)]
