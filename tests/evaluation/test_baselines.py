from __future__ import annotations

import numpy as np
import pytest

from reenact.evaluation.baselines import StaticSource, warp
from reenact.types import FloatArray, Picture

pytest.importorskip("scipy", reason="optional part missing: scipy")


@pytest.fixture
def source() -> Picture:
    """Grey with a red square of 10 px around (50, 50)."""
    picture = np.full((128, 128, 3), 90, np.uint8)
    picture[45:55, 45:55] = 200, 0, 0
    return picture


def grid(x: float, y: float, step: float = 8) -> FloatArray:
    """5x5 points around (x, y)."""
    offsets = (np.arange(5) - 2) * step
    return np.stack(np.meshgrid(x + offsets, y + offsets), -1).reshape(-1, 2).astype(np.float32)


def test_static_source_repeats_the_first_frame(source: Picture) -> None:
    frames = [source, source + np.uint8(1), source + np.uint8(2)]
    static = StaticSource()
    assert all((made == source).all() for made in static.reconstruct(frames))
    assert len(list(static.animate(source, frames))) == 3


def test_unmoved_landmarks_leave_the_picture(rng: np.random.Generator) -> None:
    picture = rng.integers(0, 255, (96, 96, 3), dtype=np.uint8)
    assert np.abs(warp(picture, grid(50, 50), grid(50, 50)).astype(int) - picture).max() <= 1


def test_a_patch_moves_with_its_landmarks(source: Picture) -> None:
    moved = warp(source, grid(50, 50), grid(62, 57))
    expected = np.full_like(source, 90)
    expected[52:62, 57:67] = 200, 0, 0
    assert np.abs(moved[41:73, 46:78].astype(int) - expected[41:73, 46:78]).max() <= 1


def test_a_patch_grows_with_its_landmarks(source: Picture) -> None:
    grown = warp(source, grid(50, 50), grid(50, 50, step=16))
    red = (grown[..., 0] > 145).sum()
    assert red == pytest.approx(400, rel=0.1)


def test_corners_stay_and_points_outside_are_left_out(source: Picture) -> None:
    marked = source.copy()
    marked[0, 0] = marked[-1, -1] = 255
    start, target = grid(50, 50), grid(60, 50)
    moved = warp(marked, np.concatenate([start, [[50, 70]]]), np.concatenate([target, [[400, 70]]]))
    assert (moved[0, 0] > 200).all() and (moved[-1, -1] > 200).all()
    assert (moved == warp(marked, start, target)).all()
