"""The subject of an animation: one face of one picture, encoded for rendering in any pose."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from reenact.engine import Engine
from reenact.face.align import extract_crop
from reenact.generator.renderer import NATIVE_SIZE, Source
from reenact.mouth.interior import MouthInterior
from reenact.runtime import close, ordered_map
from reenact.types import Crop, Face, FloatArray, Keypoints, Picture


@dataclass(frozen=True)
class Subject:
    """A face ready for rendering: ``source`` is the encoding of ``crop``.

    ``face`` is in picture pixels; None where no face was found, and then no mouth interior is drawn.
    """

    engine: Engine
    source: Source
    face: Face | None
    crop: Crop

    @classmethod
    def posed(
        cls, engine: Engine, picture: Picture, face: Face | None, crop: Crop, size: int, pose: Keypoints
    ) -> Subject:
        """A face whose pose in the picture is known already; see ``open_subject``."""
        small = extract_crop(picture, crop, NATIVE_SIZE)
        full = small if size == NATIVE_SIZE else extract_crop(picture, crop, size)
        return cls(engine, engine.renderer.prepare(small, full, pose), face, crop)

    @property
    def keypoints(self) -> Keypoints:
        """The pose in the picture itself, without a time axis."""
        return self.source.keypoints

    @cached_property
    def mouth(self) -> MouthInterior | None:
        """The mouth interior, for frames of the source's size."""
        if self.face is None:
            return None
        source, landmarks = self.source, self.crop.to_units(self.face.landmarks)
        pixels = np.asarray((landmarks + 1) / 2 * len(source.full), np.float32)
        return MouthInterior(self.engine.finder.mesh, source.full, pixels, source.keypoints.landmarks)

    def render(self, poses: Keypoints) -> Iterator[Picture]:
        """The face in each of T poses, (S, S, 3) uint8; the interior of an open mouth is drawn."""
        squares, mouth = self.engine.renderer.render(self.source, poses), self.mouth
        if mouth is None:
            return squares
        return ordered_map(lambda each: mouth.draw(*each), _with_landmarks(squares, poses.landmarks))


def open_subject(engine: Engine, picture: Picture, face: Face, crop: Crop, size: int) -> Subject:
    """Crop, detect keypoints and encode one face of a picture.

    Args:
        engine: can be reused for many calls.
        picture: (H, W, 3) uint8.
        face: one of its faces.
        crop: the square around it, see ``align``.
        size: side S of the rendered squares in pixels: 256, 512 or 1024.

    Raises:
        InvalidOption: the model cannot render at this size.
    """
    pose = engine.detector.one(extract_crop(picture, crop, NATIVE_SIZE), face, crop)
    return Subject.posed(engine, picture, face, crop, size, pose)


def _with_landmarks(
    squares: Iterator[Picture], landmarks: FloatArray
) -> Iterator[tuple[Picture, FloatArray]]:
    """Each square with its driving landmarks; closing it also closes the iterator of squares."""
    try:
        yield from zip(squares, landmarks, strict=True)
    finally:
        close(squares)
