from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from reenact.landmarks import COUNT
from reenact.layers.geometry import pixel_grid
from reenact.layers.pose import Pose
from reenact.motion.network import DenseMotion, MotionConfig, _apply_affine, _mix_affine

K, L = 3, COUNT
CONFIG = MotionConfig(keypoints=K, landmarks=L, width=4, levels=2, widest=8, condition=5)


def random_pose(seed: int, batch: int = 2) -> Pose:
    random = torch.Generator().manual_seed(seed)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=random) * 2 - 1

    turns = torch.eye(2) + 0.3 * uniform(batch, K, 2, 2)
    return Pose(uniform(batch, K, 2), turns, uniform(batch, L, 2))


@pytest.fixture
def network() -> DenseMotion:
    torch.manual_seed(0)
    return DenseMotion(CONFIG).eval()


def test_candidates_are_equation_4(network: DenseMotion) -> None:
    source, driving = random_pose(1), random_pose(2)
    grid = pixel_grid(torch.empty(6, 8))
    placed = _apply_affine(grid, *network._candidates(source, driving))
    found = placed.permute(0, 2, 3, 4, 1).double().numpy()
    z = grid.double().numpy()
    s, d = ([part.double().numpy() for part in pose] for pose in (source, driving))
    for row in range(2):
        np.testing.assert_allclose(found[row, 0], z, atol=1e-6)
        for k in range(K):
            # T(z) = p_source + J_source J_driving^-1 (z - p_driving)
            affine = s[1][row, k] @ np.linalg.inv(d[1][row, k])
            expected = s[0][row, k] + (z - d[0][row, k]) @ affine.T
            np.testing.assert_allclose(found[row, 1 + k], expected, atol=1e-5)
        for index in range(L):
            expected = z + s[2][row, index] - d[2][row, index]
            np.testing.assert_allclose(found[row, 1 + K + index], expected, atol=1e-6)


def test_a_keypoint_comes_from_where_it_is_in_the_source(network: DenseMotion) -> None:
    source, driving = random_pose(3, batch=1), random_pose(4, batch=1)
    at_keypoint = driving.points[0, 1].view(1, 1, 2)
    candidates = _apply_affine(at_keypoint, *network._candidates(source, driving))
    torch.testing.assert_close(candidates[0, :, 2, 0, 0], source.points[0, 1])


def test_equal_poses_mean_no_motion(network: DenseMotion) -> None:
    pose, image = random_pose(5), torch.rand(2, 3, 16, 16)
    flow = network(image, pose, pose).flow
    expected = pixel_grid(image).expand(2, -1, -1, -1)
    torch.testing.assert_close(flow, expected, atol=1e-5, rtol=0)


def test_different_poses_mean_motion(network: DenseMotion) -> None:
    image = torch.rand(2, 3, 16, 16)
    flow = network(image, random_pose(6), random_pose(7)).flow
    assert (flow - pixel_grid(image)).abs().max() > 0.05


def test_copies_are_the_source_moved_by_each_candidate(network: DenseMotion) -> None:
    image = torch.rand(2, 3, 4, 4)
    grid = pixel_grid(image).permute(2, 0, 1)[:, None].repeat(2, 1, 2, 1, 1)
    grid[:, 0, 1] += 0.5  # one pixel to the right
    copies = network._copies(image, grid)
    torch.testing.assert_close(copies[:, :3], image)
    torch.testing.assert_close(copies[:, 3:, :, :-1], image[..., 1:])


def test_shapes_and_ranges(network: DenseMotion) -> None:
    flow, occlusion, condition, window, openings = network(
        torch.rand(2, 3, 64, 64), random_pose(8), random_pose(9)
    )
    assert flow.shape == (2, 64, 64, 2)
    assert occlusion.shape == (2, 2, 64, 64)
    assert condition.shape == (2, CONFIG.condition, 64, 64)
    assert 0 <= occlusion.min() <= occlusion.max() <= 1
    assert window.shape == (2, 1, 64, 64)
    assert openings.shape == (2, 16, 64, 64)
    assert 0 <= openings.min() <= openings.max() <= 1


def test_outside_the_window_nothing_moves(network: DenseMotion) -> None:
    near = random_pose(6), random_pose(7)
    source, driving = (pose._replace(landmarks=pose.landmarks * 0.5) for pose in near)
    image = torch.rand(2, 3, 16, 16)
    flow, _, _, window, _ = network(image, source, driving)
    outside = window[:, 0] == 0
    assert 0.1 < outside.float().mean() < 0.9
    still = pixel_grid(image).expand(2, -1, -1, -1)
    torch.testing.assert_close(flow[outside], still[outside])
    assert (flow - still)[~outside].abs().max() > 0.02


def test_the_flow_is_the_weighted_mean_of_the_candidates() -> None:
    random = torch.Generator().manual_seed(0)
    grid = pixel_grid(torch.zeros(5, 7))
    turns, shifts = (torch.randn(2, 4, *shape, generator=random) for shape in ((2, 2), (2,)))
    logits = torch.randn(2, 4, 5, 7, generator=random)
    wanted = (_apply_affine(grid, turns, shifts) * logits.softmax(1)[:, None]).sum(2).permute(0, 2, 3, 1)
    torch.testing.assert_close(_mix_affine(grid, turns, shifts, logits), wanted)
    far = logits + 1000  # neither overflows
    torch.testing.assert_close(_mix_affine(grid, turns, shifts, far), wanted, atol=1e-3, rtol=1e-3)


def test_places_are_as_exact_in_training_as_in_use(network: DenseMotion) -> None:
    source, driving = random_pose(10), random_pose(11)
    grid = pixel_grid(torch.empty(64, 64))
    turns, shifts = network._candidates(source, driving)
    logits = torch.randn(2, 1 + K + L, 64, 64)
    picture = torch.rand(2, 3, 64, 64)
    flow = _mix_affine(grid, turns, shifts, logits)
    openings = network(picture, source, driving).openings
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(_mix_affine(grid, turns, shifts, logits), flow)
        torch.testing.assert_close(network(picture, source, driving).openings, openings)
