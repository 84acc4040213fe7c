"""The paper's formulas, each against one written out in numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from reenact.fomm.network import DenseMotion, Fomm, FommKeypointNetwork
from reenact.layers.fomm import Antialias, Block, Hourglass, corner_grid, sample
from tests.fomm.published import small_config

SIDE = 7


def grid() -> torch.Tensor:
    return corner_grid(torch.zeros(SIDE, SIDE))


def test_coordinates_end_at_the_outermost_pixels() -> None:
    found = corner_grid(torch.zeros(3, 5))
    assert found.shape == (3, 5, 2)
    np.testing.assert_allclose(found[0, :, 0], [-1, -0.5, 0, 0.5, 1])
    np.testing.assert_allclose(found[:, 0, 1], [-1, 0, 1])


def test_sampling_where_the_pixels_lie_changes_nothing_and_beyond_is_black() -> None:
    image = torch.rand(1, 3, SIDE, SIDE)
    torch.testing.assert_close(sample(image, grid()[None]), image, atol=1e-5, rtol=0)
    assert sample(image, grid()[None] + 3).abs().max() == 0


def test_candidates_follow_equation_4() -> None:
    rng = np.random.default_rng(0)
    points = rng.uniform(-1, 1, (2, 1, 2, 2)).astype(np.float32)  # source and driving, one frame, K = 2
    turns = (np.eye(2) + rng.normal(0, 0.2, (2, 1, 2, 2, 2))).astype(np.float32)
    source, driving = ((torch.tensor(points[i]), torch.tensor(turns[i])) for i in (0, 1))
    found = DenseMotion.motions(grid(), source, driving)
    assert found.shape == (1, 3, SIDE, SIDE, 2)
    torch.testing.assert_close(found[0, 0], grid())  # the background stays
    for k in range(2):
        z = grid().numpy()
        matrix = turns[0, 0, k] @ np.linalg.inv(turns[1, 0, k])
        expected = points[0, 0, k] + (z - points[1, 0, k]) @ matrix.T
        np.testing.assert_allclose(found[0, k + 1], expected, atol=1e-5)


def test_heatmaps_follow_equation_6() -> None:
    source, driving = torch.tensor([[[0.2, -0.4]]]), torch.tensor([[[0.0, 1 / 3]]])
    found = DenseMotion.heatmaps(grid(), source, driving)
    assert found[:, 0].abs().max() == 0

    def bump(place: torch.Tensor) -> np.ndarray:
        return np.exp(-np.square(grid().numpy() - place.numpy()).sum(-1) / (2 * 0.01))

    np.testing.assert_allclose(found[0, 1], bump(driving[0, 0]) - bump(source[0, 0]), atol=1e-6)


def test_copies_follow_equation_7() -> None:
    image = torch.rand(2, 3, SIDE, SIDE)
    step = torch.tensor([2 / (SIDE - 1), 0])  # one pixel to the left
    motions = torch.stack([grid(), grid() + step]).repeat(2, 1, 1, 1, 1)
    found = DenseMotion.copies(image, motions)
    torch.testing.assert_close(found[:, 0], image, atol=1e-5, rtol=0)
    torch.testing.assert_close(found[:, 1, ..., :-1], image[..., 1:], atol=1e-5, rtol=0)


def test_a_keypoint_is_where_its_heatmap_peaks() -> None:
    """Section 3.1: softmax over the heatmap, then the mean place; jacobians weighted by the same."""
    detector = FommKeypointNetwork(small_config()).eval()
    with torch.no_grad():
        for tensor in (detector.kp.weight, detector.kp.bias):
            tensor.zero_()
        # Red at the centre of the kernel counts, everything else does not.
        detector.kp.weight[:, -3, 3, 3] = 50
        image = torch.zeros(1, 3, 256, 256)
        image[..., 100:108, 160:168] = 1
        points, jacobians = detector(image)
    # After every fourth pixel is taken, the convolution without padding leaves pixels 3..60 of 64.
    expected = [(163 / 4 - 3) / 57 * 2 - 1, (103 / 4 - 3) / 57 * 2 - 1]
    np.testing.assert_allclose(points[0], np.tile(expected, (points.shape[1], 1)), atol=0.02)
    np.testing.assert_allclose(jacobians[0], np.tile(np.eye(2), (points.shape[1], 1, 1)), atol=1e-6)


def test_shrinking_blurs_with_a_gaussian_of_one_and_a_half_pixels() -> None:
    antialias = Antialias(3, 0.25)
    assert antialias.weight.shape == (3, 1, 13, 13)
    along = np.exp(-np.square(np.arange(-6, 7)) / (2 * 1.5**2))
    np.testing.assert_allclose(antialias.weight[0, 0], np.outer(along, along) / along.sum() ** 2, rtol=1e-5)
    dot = torch.zeros(1, 3, 256, 256)
    dot[..., 128, 128] = 1
    np.testing.assert_allclose(antialias(dot)[0, 0, 32, 32], antialias.weight[0, 0, 6, 6])


def test_an_hourglass_hands_its_input_through() -> None:
    image = torch.rand(1, 3, 64, 64)
    features = Hourglass(3, 4, 3, 16).eval()(image)
    assert features.shape == (1, 7, 64, 64)
    torch.testing.assert_close(features[:, -3:], image)


@pytest.mark.parametrize(("change", "side"), [("same", 8), ("down", 4), ("up", 16)])
def test_blocks_change_the_resolution(change, side: int) -> None:
    assert Block(3, 5, change)(torch.rand(2, 3, 8, 8)).shape == (2, 5, side, side)


def test_the_split_gives_what_the_whole_gives() -> None:
    torch.manual_seed(0)
    model = Fomm(small_config()).eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_var, 0.5, 2)
    image = torch.rand(1, 3, 256, 256)
    with torch.no_grad():
        pose = model.kp_detector(image)
        moved = (pose[0] + 0.1, pose[1])
        whole = model.generator(image, pose, moved)
        split = model.generator.decode(image, model.generator.encode(image), pose, moved)
    assert whole.shape == image.shape
    torch.testing.assert_close(whole, split)
