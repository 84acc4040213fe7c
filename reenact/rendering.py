"""One face, from its picture to squares in other poses: what the path, previews and judging share."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reenact.engine import Engine
from reenact.face.align import extract_crop
from reenact.generator.renderer import NATIVE_SIZE, Source
from reenact.mouth.interior import MouthInterior
from reenact.runtime import close, ordered_map
from reenact.types import Crop, Face, FloatArray, Keypoints, Picture


def prepare_source(engine: Engine, picture: Picture, face: Face, crop: Crop, size: int) -> Source:
    """Cut, measure and encode one face of a picture; everything a renderer needs of it."""
    small = extract_crop(picture, crop, NATIVE_SIZE)
    full = small if size == NATIVE_SIZE else extract_crop(picture, crop, size)
    return engine.renderer.prepare(small, full, engine.detector.one(small, face, crop))


def render_frames(
    engine: Engine, source: Source, face: Face | None, crop: Crop, driven: Keypoints
) -> Iterator[Picture]:
    """The source in each driven pose, (S, S, 3) uint8; with a face, its mouth's inside is drawn."""
    squares = engine.renderer.render(source, driven)
    if face is None:
        return squares
    mouth = prepare_mouth(engine, source, face, crop)
    return ordered_map(lambda each: mouth.draw(*each), _with_landmarks(squares, driven.landmarks))


def prepare_mouth(engine: Engine, source: Source, face: Face, crop: Crop) -> MouthInterior:
    """What is inside the mouth of a source's face, for frames of the source's size."""
    landmarks = np.asarray((crop.to_units(face.landmarks) + 1) / 2 * len(source.full), np.float32)
    return MouthInterior(engine.finder.mesh, source.full, landmarks, source.keypoints.landmarks)


def _with_landmarks(
    squares: Iterator[Picture], landmarks: FloatArray
) -> Iterator[tuple[Picture, FloatArray]]:
    """Each square with the landmarks that drove it; closing it closes what makes the squares."""
    try:
        yield from zip(squares, landmarks, strict=True)
    finally:
        close(squares)
