from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from reenact.errors import WeightsBroken
from reenact.landmarks import COUNT, EYE_CORNERS, MESH_INDICES
from reenact.training.identity import (
    SIDE,
    IdentityLoss,
    chip_grid,
    cut_chips,
    read_tensors,
)


@pytest.fixture(scope="module")
def identity(dlib: Path) -> IdentityLoss:
    return IdentityLoss(dlib)


@pytest.fixture
def landmarks() -> Tensor:
    """(1, COUNT, 2): level eyes a quarter of the picture apart, above its middle."""
    points = torch.zeros(1, COUNT, 2)
    for index, x in zip(EYE_CORNERS, (-0.35, -0.15, 0.15, 0.35), strict=True):
        points[0, MESH_INDICES.index(index)] = torch.tensor([x, -0.2])
    return points


def test_the_file_gives_what_was_written(dlib: Path, dlib_parameters: list[NDArray[np.float32]]) -> None:
    sizes = [*((len(values), 1) for values in dlib_parameters[:-1]), (256, 128)]
    found = list(read_tensors(dlib, sizes))
    assert all(np.array_equal(ours, true) for ours, true in zip(found, dlib_parameters, strict=True))


def test_scale_and_shift_follow_the_convolution(
    identity: IdentityLoss, dlib_parameters: list[NDArray[np.float32]]
) -> None:
    conv, affine = (torch.from_numpy(values) for values in dlib_parameters[:2])
    picture = torch.rand(1, 3, 21, 21)
    plain = functional.conv2d(picture, conv[:-32].view(32, 3, 7, 7), conv[-32:], 2)
    expected = plain * affine[:32].view(1, -1, 1, 1) + affine[32:].view(1, -1, 1, 1)
    torch.testing.assert_close(identity.network.first(picture), expected, rtol=1e-4, atol=1e-4)


def test_levels_have_the_sizes_of_dlibs(identity: IdentityLoss) -> None:
    found = identity.network(torch.rand(2, 3, SIDE, SIDE))
    assert [tuple(level.shape[1:]) for level in found] == [
        (64, 17, 17),
        (128, 8, 8),
        (256, 4, 4),
        (256, 2, 2),
        (128,),
    ]


def test_a_broken_file_is_named(dlib: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.dat"
    broken.write_bytes(dlib.read_bytes()[:-1000])
    with pytest.raises(WeightsBroken, match=r"broken\.dat is not dlib_face_recognition_resnet_model_v1\.dat"):
        IdentityLoss(broken)


def test_equal_faces_cost_nothing_and_others_more_the_more_they_differ(
    identity: IdentityLoss, landmarks: Tensor
) -> None:
    picture, other = torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 64)
    near = picture + 0.02 * (other - picture)
    assert identity(picture, picture, landmarks) == 0
    assert 0 < identity(near, picture, landmarks) < identity(other, picture, landmarks)


def test_only_the_generated_face_learns(identity: IdentityLoss, landmarks: Tensor) -> None:
    generated, real = (torch.rand(1, 3, 64, 64, requires_grad=True) for _ in range(2))
    identity(generated, real, landmarks).backward()
    assert generated.grad is not None and real.grad is None
    assert generated.grad[..., 24:40, 24:40].abs().sum() > 0
    assert generated.grad[..., :4, :].abs().sum() == 0  # above the face
    assert not any(parameter.requires_grad for parameter in identity.parameters())


def test_eyes_come_to_lie_where_dlib_has_them(landmarks: Tensor) -> None:
    """Whatever the face's place, size and tilt: at .327 and .673 of the width, .319 of the height."""
    turn = torch.tensor([[0.8, -0.6], [0.6, 0.8]])
    for points in (landmarks, landmarks * 0.5 + 0.1, landmarks @ turn.T):
        grid = chip_grid(points)[0]
        for corners, across in (EYE_CORNERS[:2], 0.327), (EYE_CORNERS[2:], 0.673):
            eye = points[0, [MESH_INDICES.index(index) for index in corners]].mean(0)
            row, column = divmod(int((grid - eye).norm(dim=-1).argmin()), SIDE)
            assert (column + 0.5) / SIDE == pytest.approx(across, abs=0.006)
            assert (row + 0.5) / SIDE == pytest.approx(0.319, abs=0.006)


def test_chips_are_cut_where_the_grid_says(landmarks: Tensor) -> None:
    ramp = torch.linspace(-1, 1, 256).expand(1, 3, 256, 256)
    grid = chip_grid(landmarks)
    torch.testing.assert_close(cut_chips(ramp, grid)[0, 0], grid[0, ..., 0], atol=0.01, rtol=0)
