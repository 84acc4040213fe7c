"""Media made on the fly: an asymmetric picture, videos with PyAV, sine tones."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.videos import write_video

Frames = list[NDArray[np.uint8]]


@pytest.fixture
def quarters() -> NDArray[np.uint8]:
    """A (48, 64, 3) picture whose four quarters differ, so that every turn and mirror shows."""
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:24, :32] = 220, 40, 40
    picture[:24, 32:] = 40, 200, 60
    picture[24:, :32] = 50, 60, 210
    picture[24:, 32:] = 230, 220, 200
    return picture


@pytest.fixture
def numbered() -> Callable[..., Frames]:
    """numbered(n): n grey frames, frame i of level 10 + 8 i, so that each can be told from its neighbours."""

    def make(count: int, height: int = 48, width: int = 64) -> Frames:
        return [np.full((height, width, 3), 10 + 8 * i % 240, np.uint8) for i in range(count)]

    return make


@pytest.fixture
def face_like() -> Callable[..., Iterable[NDArray[np.uint8]]]:
    """face_like(n): n frames of a shaded disc that moves over a shaded ground."""

    def make(count: int, side: int = 64) -> Iterable[NDArray[np.uint8]]:
        y, x = np.mgrid[:side, :side] / side
        for i in range(count):
            disc = (x - 0.5 - 0.2 * np.sin(i / 5)) ** 2 + (y - 0.5) ** 2 < 0.09
            skin = np.stack([200 + 40 * x, 150 + 40 * y, 120 + 20 * x], -1)
            ground = np.stack([40 + 60 * y, 60 + 40 * x, 90 + 60 * y], -1)
            yield np.where(disc[..., None], skin, ground).astype(np.uint8)

    return make


@pytest.fixture
def make_video(tmp_path: Path) -> Callable[..., Path]:
    """make_video(name, frames, ...): a clip, see ``write_video``."""
    return lambda name, frames, **options: write_video(tmp_path / name, frames, **options)
