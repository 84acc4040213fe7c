from __future__ import annotations

import math

import torch
from torch import Tensor

from reenact.landmarks import COUNT, MESH_INDICES
from reenact.layers.geometry import pixel_grid
from reenact.layers.window import ACROSS, ALONG, INNER, OUTER, head_window

GRID = pixel_grid(torch.empty(256, 256))


def head(x: float, y: float, half: float, turn: float = 0.0) -> Tensor:
    """Landmarks of which only forehead and chin lie where they count."""
    landmarks = torch.full((1, COUNT, 2), 9.0)
    down = half * torch.tensor([-math.sin(turn), math.cos(turn)])
    landmarks[0, MESH_INDICES.index(10)] = torch.tensor([x, y]) - down
    landmarks[0, MESH_INDICES.index(152)] = torch.tensor([x, y]) + down
    return landmarks


def at(window: Tensor, x: float, y: float) -> float:
    column, row = (int((value + 1) * 128) for value in (x, y))
    return window[0, 0, row, column].item()


def test_it_is_one_in_the_head_and_zero_far_away() -> None:
    face = head(0.1, -0.1, 0.3)
    window = head_window(face, face, GRID)
    assert window.shape == (1, 1, 256, 256)
    assert at(window, 0.1, -0.1) == 1
    assert at(window, 0.1, -0.1 + 0.3 * ALONG * (INNER - 0.05)) == 1
    assert at(window, 0.1, -0.1 + 0.3 * ALONG * (OUTER + 0.05)) == 0
    assert at(window, 0.1 + 0.3 * ACROSS * (OUTER + 0.05), -0.1) == 0
    soft = at(window, 0.1, -0.1 + 0.3 * ALONG * (INNER + OUTER) / 2)
    assert 0.6 < soft < 0.9  # two equal heads: 1 - (1 - 0.5)^2


def test_it_turns_with_the_head() -> None:
    upright, lying = (
        head_window(face, face, GRID) for face in (head(0, 0, 0.3), head(0, 0, 0.3, math.pi / 2))
    )
    torch.testing.assert_close(lying, upright.transpose(2, 3), atol=1e-4, rtol=0)


def test_both_heads_count_and_their_order_does_not() -> None:
    left, right = head(-0.4, 0, 0.2), head(0.4, 0, 0.2)
    window = head_window(left, right, GRID)
    assert at(window, -0.4, 0) == at(window, 0.4, 0) == 1
    assert at(window, 0, 0) < 0.1
    torch.testing.assert_close(window, head_window(right, left, GRID))


def test_a_face_without_height_is_no_error() -> None:
    window = head_window(head(0, 0, 0), head(0, 0, 0), GRID)
    assert torch.isfinite(window).all()
