from __future__ import annotations

import numpy as np
import pytest
import torch

from reenact.layers.geometry import (
    SMALLEST_DETERMINANT,
    gaussians,
    inverse_2x2,
    multiply_2x2,
    pixel_grid,
    resize,
    resize_flow,
    warp,
)


@pytest.mark.parametrize(("height", "width"), [(5, 5), (4, 7), (1, 3)])
def test_sampling_at_the_pixel_grid_gives_the_picture_back(height: int, width: int) -> None:
    image = torch.rand(2, 3, height, width)
    flow = pixel_grid(image).expand(2, -1, -1, -1)
    torch.testing.assert_close(warp(image, flow), image)


def test_pixel_grid_holds_x_then_y_of_the_centres() -> None:
    grid = pixel_grid(torch.empty(2, 4))
    assert grid[0, 0].tolist() == [-0.75, -0.5]
    assert grid[1, 3].tolist() == [0.75, 0.5]


def test_warp_takes_pixels_from_where_the_flow_points_and_repeats_the_border() -> None:
    image = torch.arange(4.0).view(1, 1, 1, 4).expand(1, 1, 4, 4)
    flow = pixel_grid(image)[None] + torch.tensor([0.5, 0.0])  # one pixel of four to the right
    assert warp(image, flow)[0, 0, 0].tolist() == [1, 2, 3, 3]


def test_inverse_is_that_of_numpy() -> None:
    matrix = torch.randn(4, 5, 2, 2, generator=torch.Generator().manual_seed(0)) + 3 * torch.eye(2)
    np.testing.assert_allclose(inverse_2x2(matrix), np.linalg.inv(matrix.double()), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("determinant", [0.0, 5e-4, -5e-4])
def test_inverse_of_a_nearly_singular_matrix_is_bounded(determinant: float) -> None:
    matrix = torch.tensor([[1.0, 1.0], [1.0, 1.0 + determinant]])
    expected = torch.tensor([[1.0 + determinant, -1.0], [-1.0, 1.0]]) / SMALLEST_DETERMINANT
    torch.testing.assert_close(inverse_2x2(matrix), expected)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_inverse_of_a_small_but_regular_matrix_is_exact(sign: float) -> None:
    matrix = torch.diag(torch.tensor([1.0, sign * 2e-3]))
    torch.testing.assert_close(inverse_2x2(matrix) @ matrix, torch.eye(2))


def test_product_is_the_matrix_product() -> None:
    left, right = torch.randn(2, 3, 1, 2, 2), torch.randn(2, 1, 4, 2, 2)
    torch.testing.assert_close(multiply_2x2(left, right), left @ right)


def test_gaussians_are_the_round_formula() -> None:
    grid = pixel_grid(torch.empty(6, 9))
    points = torch.tensor([[[0.1, -0.4], [0.9, 0.9]]])
    squared = (grid - points[:, :, None, None]).square().sum(-1)
    torch.testing.assert_close(gaussians(points, grid, 0.05), torch.exp(-squared / (2 * 0.05)))


def test_resized_identity_flow_is_the_identity_of_the_new_size() -> None:
    flow = pixel_grid(torch.empty(8, 8))[None]
    inner = slice(1, -1)  # at the border, interpolation repeats the outermost value
    expected = pixel_grid(torch.empty(16, 16))[None]
    torch.testing.assert_close(resize_flow(flow, (16, 16))[:, inner, inner], expected[:, inner, inner])


def test_resize_to_the_same_size_is_free() -> None:
    image = torch.rand(1, 2, 4, 6)
    assert resize(image, (4, 6)) is image
    assert resize(image, (8, 3)).shape == (1, 2, 8, 3)


def test_coarse_features_are_sampled_at_exact_places() -> None:
    features = torch.rand(1, 4, 128, 128).bfloat16()
    flow = (torch.rand(1, 64, 64, 2) * 2 - 1) * 0.99
    torch.testing.assert_close(warp(features, flow), warp(features.float(), flow))
