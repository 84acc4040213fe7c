from __future__ import annotations

import pytest
import torch
from torch import nn

from reenact.keypoints.network import KeypointConfig, KeypointNetwork

CONFIG = KeypointConfig(keypoints=3, width=4, levels=2, widest=8)


def looks_for_white() -> KeypointNetwork:
    """A detector whose heatmaps are the picture's red channel, which the hourglass hands on."""
    detector = KeypointNetwork(CONFIG).eval()
    assert detector.heatmaps.bias is not None
    nn.init.zeros_(detector.heatmaps.weight)
    nn.init.zeros_(detector.heatmaps.bias)
    with torch.no_grad():
        detector.heatmaps.weight[:, -3, 1, 1] = 5.0  # over a temperature of 0.1: exp(50) to 1
    return detector


@pytest.mark.parametrize(("row", "column"), [(0, 0), (10, 50), (63, 63)])
def test_a_peaked_heatmap_gives_its_place(row: int, column: int) -> None:
    image = torch.zeros(1, 3, 64, 64)
    image[0, :, row, column] = 1
    points, _ = looks_for_white()(image)
    expected = torch.tensor([(column + 0.5) / 32 - 1, (row + 0.5) / 32 - 1])
    torch.testing.assert_close(points, expected.expand(1, 3, 2))


def test_two_equal_peaks_give_their_middle() -> None:
    image = torch.zeros(1, 3, 64, 64)
    image[0, :, 16, 8] = image[0, :, 48, 24] = 1
    points, _ = looks_for_white()(image)
    torch.testing.assert_close(points[0, 0], torch.tensor([16.5 / 32 - 1, 32.5 / 32 - 1]))


def test_jacobians_start_as_identity() -> None:
    points, jacobians = KeypointNetwork(CONFIG)(torch.rand(2, 3, 64, 64))
    assert points.shape == (2, 3, 2)
    assert points.abs().max() < 1
    torch.testing.assert_close(jacobians, torch.eye(2).expand(2, 3, 2, 2))


def test_coordinates_stay_float32_under_autocast() -> None:
    image = torch.zeros(1, 3, 64, 64)
    image[0, :, 11, 37] = 1
    with torch.autocast("cpu", torch.bfloat16):
        points, jacobians = looks_for_white()(image)
    assert points.dtype == jacobians.dtype == torch.float32
    assert abs(points[0, 0, 0].item() - (37.5 / 32 - 1)) < 1e-5
