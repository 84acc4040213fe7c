from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from reenact.config import FACE_MODEL
from reenact.engine import Engine
from reenact.face.parts import LEFT_EYE, LIPS, RIGHT_EYE, Part
from reenact.landmarks import MESH_INDICES
from reenact.training.points_loss import PointsLoss, square_grid

SIDE = 256


@pytest.fixture(scope="module")
def loss() -> PointsLoss:
    return PointsLoss(FACE_MODEL)


@pytest.fixture(scope="module")
def mesh(engine: Engine, face_crop: NDArray[np.uint8]) -> NDArray[np.float32]:
    """All landmarks (478, 2) of the portrait's face, in pixels of the crop."""
    return engine.finder.find(face_crop)[0].landmarks


@pytest.fixture(scope="module")
def face(face_crop: NDArray[np.uint8]) -> Tensor:
    """The portrait's face (1, 3, 256, 256) in [0, 1]."""
    return torch.from_numpy(face_crop.copy()).permute(2, 0, 1)[None] / 255


@pytest.fixture(scope="module")
def landmarks(mesh: NDArray[np.float32]) -> Tensor:
    return torch.from_numpy(mesh[list(MESH_INDICES)] / (SIDE / 2) - 1)[None]


@pytest.mark.parametrize("part", [LIPS, RIGHT_EYE, LEFT_EYE])
def test_a_part_is_seen_where_the_face_finder_sees_it(
    part: Part, mesh: NDArray[np.float32], landmarks: Tensor
) -> None:
    grid = square_grid(part, landmarks, torch.zeros(1, 3))[0].numpy()
    square = part.square(mesh)
    ours = (grid + 1) * SIDE / 2
    corners = part.mirror(square.from_pixels(ours[[0, 0, -1, -1], [0, -1, 0, -1]]))
    assert corners == pytest.approx(np.array([[0, 0], [1, 0], [0, 1], [1, 1]]), abs=0.1)


def test_the_same_face_costs_nothing(loss: PointsLoss, face: Tensor, landmarks: Tensor) -> None:
    assert loss(face, face, landmarks).item() == 0


def test_another_mouth_costs_pixels_and_tells_which_ones(
    loss: PointsLoss, face: Tensor, landmarks: Tensor, mesh: NDArray[np.float32]
) -> None:
    x, y = mesh[[13, 14]].mean(0).astype(int)
    opened = face.clone()
    opened[..., y - 4 : y + 12, x - 12 : x + 12] = 0.05
    opened.requires_grad_()
    apart = loss(opened, face, landmarks)
    apart.backward()
    assert apart.item() > 0.15  # of three parts one differs
    assert opened.grad is not None
    pull = opened.grad.abs().sum((0, 1))
    assert pull[y - 20 : y + 20].sum() > pull[: y - 40].sum()
