from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from reenact.landmarks import COUNT, EYES_SLICE, MOUTH_SLICE
from reenact.training.augment import RandomWarp
from reenact.training.losses import (
    CAFFE_MEAN,
    TAP_SCALES,
    PerceptualLoss,
    equivariance_loss,
    expression_weight,
    gaps_l1,
    weighted_l1,
)

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def perceptual(vgg: Path) -> PerceptualLoss:
    return PerceptualLoss(vgg)


def test_equal_pictures_cost_nothing_and_others_more_the_more_they_differ(perceptual: PerceptualLoss) -> None:
    picture, other = torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32)
    near = picture + 0.1 * (other - picture)
    assert perceptual(picture, picture) == 0
    assert 0 < perceptual(near, picture) < perceptual(other, picture)


def test_fewer_taps_count_less(perceptual: PerceptualLoss) -> None:
    picture, other = torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32)
    values = [perceptual(picture, other, taps).item() for taps in (1, 2, 3, 4)]
    assert values == sorted(values)
    assert len(set(values)) == 4


def test_the_first_tap_is_relu1_1_of_bgr_minus_the_mean(perceptual: PerceptualLoss, vgg: Path) -> None:
    picture = torch.rand(1, 3, 8, 8)
    kernel = torch.tensor(np.load(vgg)["block1_conv1/kernel"].astype(np.float32))
    blue_first = torch.stack([picture[:, 2], picture[:, 1], picture[:, 0]], 1) * 255
    centred = blue_first - torch.tensor(CAFFE_MEAN)[:, None, None]
    expected = functional.conv2d(centred, kernel.permute(3, 2, 0, 1), padding=1).clamp_min(0) * TAP_SCALES[0]
    torch.testing.assert_close(perceptual.features(picture, 1)[0], expected)


def test_taps_halve_in_size(perceptual: PerceptualLoss) -> None:
    sizes = [tap.shape[-1] for tap in perceptual.features(torch.rand(1, 3, 32, 32), 4)]
    assert sizes == [32, 16, 8, 4]


def test_only_the_generated_picture_learns(perceptual: PerceptualLoss) -> None:
    generated = torch.rand(1, 3, 32, 32, requires_grad=True)
    real = torch.rand(1, 3, 32, 32, requires_grad=True)
    perceptual(generated, real).backward()
    assert generated.grad is not None and generated.grad.abs().sum() > 0
    assert real.grad is None
    assert not any(parameter.requires_grad for parameter in perceptual.parameters())


def test_eyes_and_mouth_weigh_most() -> None:
    landmarks = torch.full((1, COUNT, 2), 0.0)
    landmarks[:, MOUTH_SLICE] = torch.tensor([0.25, 0.5])
    landmarks[:, EYES_SLICE] = torch.tensor([-0.25, -0.5])
    weight = expression_weight(landmarks, torch.empty(1, 3, 128, 128))
    assert weight.shape == (1, 1, 128, 128)
    assert weight[0, 0, 96, 80] > 0.7  # a little less than 1, since the map has a quarter of the size
    assert weight[0, 0, 32, 48] > 0.6
    assert weight[0, 0, 10, 110] < 1e-3
    assert weight[0, 0, 64, 64] < 1e-3  # the other landmarks, here in the middle, do not count


def test_weighted_l1_counts_where_the_weight_is() -> None:
    generated, real = torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 8)
    everywhere = torch.ones(2, 1, 8, 8)
    torch.testing.assert_close(weighted_l1(generated, real, everywhere), (generated - real).abs().mean())
    left = everywhere.clone()
    left[..., 4:] = 0
    expected = (generated - real)[..., :4].abs().mean()
    torch.testing.assert_close(weighted_l1(generated, real, left), expected)
    assert weighted_l1(generated, real, torch.zeros(2, 1, 8, 8)) == 0


def test_keypoints_that_move_with_the_picture_cost_nothing() -> None:
    warp = RandomWarp(2, CPU)
    warped = torch.rand(2, 5, 2) * 1.6 - 0.8
    warped_jacobians = torch.eye(2) + 0.2 * torch.randn(2, 5, 2, 2)
    points, jacobians = warp.move(warped), warp.jacobian(warped) @ warped_jacobians
    loss = equivariance_loss(points, jacobians, warped, warped_jacobians, warp)
    assert loss < 1e-5
    shifted = equivariance_loss(points + 0.1, jacobians, warped, warped_jacobians, warp)
    assert shifted.item() == pytest.approx(0.1, abs=1e-4)
    doubled = equivariance_loss(points, 2 * jacobians, warped, warped_jacobians, warp)
    assert doubled.item() == pytest.approx(0.25, abs=1e-4)  # half of the identity is missing
    assert equivariance_loss(warped, jacobians, points, warped_jacobians, warp) > 0.01


def test_a_narrow_gap_counts_as_much_as_a_wide_one() -> None:
    real = torch.rand(1, 3, 64, 64)
    gaps = torch.zeros(1, 2, 64, 64)
    gaps[:, 0, 10:40, 10:40], gaps[:, 1, 50:52, 10:30] = 1, 1
    wide, narrow = real.clone(), real.clone()
    wide[..., 10:40, 10:40] += 0.1
    narrow[..., 50:52, 10:30] += 0.1
    assert gaps_l1(wide, real, gaps) == pytest.approx(0.05, rel=1e-4)  # the other of the two is right
    assert gaps_l1(narrow, real, gaps) == pytest.approx(0.05, rel=1e-4)
    assert gaps_l1(real, real, torch.zeros_like(gaps)) == 0
