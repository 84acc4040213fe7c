from __future__ import annotations

import pytest
import torch

from reenact.landmarks import COUNT, MESH_INDICES
from reenact.layers.geometry import pixel_grid
from reenact.training.augment import LOOSE, RandomWarp, jitter_colours, loosen_lips, mirror

CPU = torch.device("cpu")


def test_each_picture_of_a_row_gets_the_same_colours() -> None:
    picture = torch.rand(4, 3, 8, 8)
    first, second = jitter_colours([picture, picture.flip(3)])
    assert torch.equal(first.flip(3), second)
    assert 0 <= first.min() <= first.max() <= 1
    changes = (first - picture).mean((1, 2, 3))
    assert changes.abs().min() > 0
    assert len({round(change, 4) for change in changes.tolist()}) == 4  # each row another one


def test_no_strength_leaves_colours_alone() -> None:
    picture = torch.rand(2, 3, 8, 8)
    torch.testing.assert_close(jitter_colours([picture], strength=0)[0], picture)


def test_only_the_chosen_rows_are_mirrored() -> None:
    picture, landmarks = torch.rand(3, 3, 8, 8), torch.rand(3, COUNT, 2)
    flipped, moved = mirror(picture, landmarks, torch.tensor([False, True, False]))
    for row in (0, 2):
        assert torch.equal(flipped[row], picture[row])
        assert torch.equal(moved[row], landmarks[row])
    assert torch.equal(flipped[1], picture[1].flip(2))
    right, left = MESH_INDICES.index(33), MESH_INDICES.index(263)
    assert moved[1, left].tolist() == [-landmarks[1, right, 0].item(), landmarks[1, right, 1].item()]


def test_mirroring_twice_changes_nothing() -> None:
    picture, landmarks, every = torch.rand(2, 3, 8, 8), torch.rand(2, COUNT, 2), torch.ones(2).bool()
    again = mirror(*mirror(picture, landmarks, every), every)
    assert torch.equal(again[0], picture)
    assert torch.equal(again[1], landmarks)


def test_a_warp_of_no_strength_is_the_identity() -> None:
    warp, picture, points = (
        RandomWarp(2, CPU, affine=0, bend=0),
        torch.rand(2, 3, 16, 16),
        torch.rand(2, 5, 2),
    )
    torch.testing.assert_close(warp.apply(picture), picture)
    torch.testing.assert_close(warp.move(points), points)
    torch.testing.assert_close(warp.jacobian(points), torch.eye(2).expand(2, 5, 2, 2))


def test_jacobian_is_the_derivative_of_move() -> None:
    warp, step = RandomWarp(2, CPU, bend=0.02), 1e-6
    warp.matrix, warp.controls, warp.weights = (
        warp.matrix.double(),
        warp.controls.double(),
        warp.weights.double(),
    )
    points = (torch.rand(2, 6, 2) * 1.6 - 0.8).double()
    found = warp.jacobian(points)
    for column in (0, 1):
        ahead, behind = points.clone(), points.clone()
        ahead[..., column] += step
        behind[..., column] -= step
        difference = (warp.move(ahead) - warp.move(behind)) / (2 * step)
        torch.testing.assert_close(found[..., column], difference, atol=1e-5, rtol=1e-4)
    assert (found - torch.eye(2)).abs().max() > 0.01


def test_apply_shows_at_each_place_what_move_names() -> None:
    """A picture of its own coordinates turns into the coordinates that ``move`` gives."""
    warp = RandomWarp(2, CPU)
    grid = pixel_grid(torch.empty(32, 32))
    picture = torch.cat([grid.permute(2, 0, 1), torch.zeros(1, 32, 32)]).expand(2, -1, -1, -1)
    moved = warp.move(grid.reshape(1, -1, 2).expand(2, -1, 2)).view(2, 32, 32, 2)
    shown = warp.apply(picture)[:, :2].permute(0, 2, 3, 1)
    inner = moved.abs().amax(-1) < 0.95
    assert inner.float().mean() > 0.6
    torch.testing.assert_close(shown[inner], moved[inner], atol=1e-4, rtol=0)


def test_each_row_is_warped_in_its_own_way() -> None:
    points = torch.rand(1, 5, 2).expand(3, -1, -1)
    moved = RandomWarp(3, CPU).move(points)
    assert (moved[0] - moved[1]).abs().max() > 1e-3
    assert (moved[1] - moved[2]).abs().max() > 1e-3


@pytest.mark.parametrize("requires_grad", [False, True])
def test_a_jacobian_can_be_trained_through(requires_grad: bool) -> None:
    points = torch.rand(1, 4, 2, requires_grad=requires_grad)
    jacobian = RandomWarp(1, CPU).jacobian(points)
    assert jacobian.shape == (1, 4, 2, 2)
    if requires_grad:
        jacobian.square().sum().backward()
        assert points.grad is not None and points.grad.abs().sum() > 0


def test_only_the_outer_rims_of_the_lips_are_loosened() -> None:
    torch.manual_seed(0)
    landmarks = torch.rand(400, COUNT, 2)
    change = loosen_lips(landmarks) - landmarks
    moved = change.abs().amax((0, 2)) > 0
    assert [MESH_INDICES[place] for place in moved.nonzero()[:, 0]] == [0, 17]
    assert change[:, moved].std() == pytest.approx(LOOSE, rel=0.1)
