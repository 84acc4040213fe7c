from __future__ import annotations

import pytest
import torch

from reenact.layers.gather import FEW, gather
from reenact.layers.geometry import grid_sample, sampled_by, warp


@pytest.mark.parametrize("channels", [1, 3, FEW, 19])
@pytest.mark.parametrize("size", [(5, 9), (2, 2)])
def test_gathering_is_grid_sampling(channels: int, size: tuple[int, int]) -> None:
    random = torch.Generator().manual_seed(0)
    image = torch.rand(1, channels, *size, generator=random)
    flow = torch.rand(3, 6, 7, 2, generator=random) * 3 - 1.5  # far beyond the borders too
    torch.testing.assert_close(gather(image, flow), grid_sample(image, flow))


def test_corners_are_the_corner_pixels() -> None:
    image = torch.arange(12.0).view(1, 1, 3, 4)
    corners = torch.tensor([[[[-1.0, -1], [1, -1]], [[-1, 1], [1, 1]]]])
    assert gather(image, corners)[0, 0].tolist() == [[0, 3], [8, 11]]


def test_bytes_are_sampled_as_they_are() -> None:
    image = torch.randint(0, 256, (1, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    flow = torch.rand(2, 4, 4, 2, generator=torch.Generator().manual_seed(1)) * 2 - 1
    found = gather(image, flow)
    torch.testing.assert_close(found, grid_sample(image.float(), flow))
    torch.testing.assert_close(grid_sample(image, flow), found)


def test_another_sampler_is_used_only_where_it_was_asked_for() -> None:
    image, flow = torch.rand(1, 3, 4, 4), torch.zeros(1, 2, 2, 2)
    with sampled_by(lambda image, flow: image):
        assert warp(image, flow) is image
    torch.testing.assert_close(warp(image, flow), grid_sample(image, flow))
