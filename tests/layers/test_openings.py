from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from reenact.landmarks import COUNT, MESH_INDICES
from reenact.layers.geometry import pixel_grid
from reenact.layers.openings import openings

GRID = pixel_grid(torch.empty(256, 256))
PIXEL = 2 / 256  # crop units


def face(mouth: float, eyes: float, tilt: float = 0.0) -> Tensor:
    """Landmarks (1, COUNT, 2) with gaps of so many pixels: mouth at (0, 64), eyes at (+-48, -32)."""
    points = torch.full((COUNT, 2), 500.0)

    def gap(upper: int, lower: int, x: float, y: float, height: float) -> None:
        for index, side in (upper, -0.5), (lower, 0.5):
            points[MESH_INDICES.index(index)] = torch.tensor([x, y + side * height])

    for upper, lower, x in (13, 14, 0.0), (81, 178, -12.0), (311, 402, 12.0):
        gap(upper, lower, x, 64.0, mouth)
    for upper, lower, x in (159, 145, -48.0), (386, 374, 48.0):
        gap(upper, lower, x, -32.0, eyes)
    corners = ((61, -24.0, 64.0), (291, 24.0, 64.0), (33, -60.0, -32.0), (133, -36.0, -32.0))
    for index, x, y in (*corners, (362, 36.0, -32.0), (263, 60.0, -32.0)):
        points[MESH_INDICES.index(index)] = torch.tensor([x, y])
    cos, sin = math.cos(tilt), math.sin(tilt)
    return (points @ torch.tensor([[cos, sin], [-sin, cos]]))[None] * PIXEL


def test_closed_ones_are_not_drawn() -> None:
    maps = openings(face(0, 0), GRID)
    assert maps.shape == (1, 2, 256, 256)
    assert maps.max() < 1e-6


def test_lips_that_cross_count_as_closed() -> None:
    assert openings(face(-3, 8), GRID)[:, 0].max() < 1e-6


@pytest.mark.parametrize("tilt", [0.0, 0.5])
def test_each_is_drawn_where_it_is(tilt: float) -> None:
    mouth, eyes = openings(face(20, 8, tilt), GRID)[0]
    cos, sin = math.cos(tilt), math.sin(tilt)

    def at(drawn: Tensor, x: float, y: float) -> float:
        column, row = x * cos - y * sin, x * sin + y * cos
        return drawn[int(row + 128), int(column + 128)].item()

    assert min(at(mouth, x, 64) for x in (-12, 0, 12)) > 0.7
    assert at(mouth, 0, 64 + 20) < 0.05
    assert at(mouth, -40, 64) < 0.05
    assert min(at(eyes, x, -32) for x in (-48, 48)) > 0.5
    assert at(eyes, 0, -32) < 0.01
    assert at(eyes, 0, 64) < 0.01
    assert at(mouth, 48, -32) < 0.01


def test_the_drawn_grows_steadily_with_the_gap() -> None:
    """Also from the first pixel on, where the landmarks' heat of both lips lies on one place."""
    gaps = (0, 1, 2, 3, 4, 6, 10, 20)
    sizes = [openings(face(gap, 0), GRID)[0, 0].sum().item() for gap in gaps]
    steps = [(sizes[i + 1] - sizes[i]) / (gaps[i + 1] - gaps[i]) for i in range(len(gaps) - 1)]
    assert min(steps) > 10
    assert max(steps) < 3 * min(steps)


def test_with_a_floor_closed_ones_are_lines() -> None:
    mouth, eyes = openings(face(0, 0), GRID, 1.5 * PIXEL)[0]
    for drawn, place in (mouth, (192, 128)), (eyes, (96, 80)), (eyes, (96, 176)):
        assert drawn[place] > 0.4
        assert drawn[place[0] + 12, place[1]] < 0.05
