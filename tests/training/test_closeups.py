from __future__ import annotations

from pathlib import Path

import pytest
import torch

from reenact.landmarks import COUNT
from reenact.layers.pose import Pose
from reenact.training.checkpoint import Model, ModelConfig
from reenact.training.closeup_stage import CELL, SIDE, CloseUpStage
from reenact.training.dataset import Pack
from reenact.training.loop import Run, RunOptions
from reenact.training.losses import PerceptualLoss
from reenact.training.sampler import PairSampler

CPU = torch.device("cpu")


@pytest.fixture
def stage(pack_folder: Path, vgg: Path, tiny: ModelConfig) -> CloseUpStage:
    sampler = PairSampler(Pack(pack_folder), CPU, on_device=False)
    return CloseUpStage(Model(tiny), sampler, PerceptualLoss(vgg), batch=2, device=CPU)


def test_it_trains_the_weights_of_the_decoder_and_nothing_else(stage: CloseUpStage) -> None:
    before = {name: value.clone() for name, value in stage.model.state_dict().items()}
    run = Run(stage.model.decoder, RunOptions(minutes=1, batch=2, rate=5e-4))
    first = last = 0.0
    for step in range(10):
        torch.manual_seed(11)  # the same batch each time: ten steps tell little about others
        losses = stage()
        run._descend(losses["loss"])
        first, last = (losses["loss"].item() if step == 0 else first), losses["loss"].item()
    assert set(losses) == {"loss", "perceptual", "l1", "expression", "gaps", "copied"}
    assert last < first
    after = stage.model.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert {name.partition(".")[0] for name in changed} == {"decoder"}
    assert not any("running" in name for name in changed)


def test_cuts_lie_inside_and_on_the_grid_of_the_motion(stage: CloseUpStage) -> None:
    stage.batch = 50
    landmarks = torch.rand(50, COUNT, 2) * 4 - 2  # many of them far outside
    corners = stage._corners(Pose(torch.zeros(50, 3, 2), torch.zeros(50, 3, 2, 2), landmarks))
    assert corners.shape == (50, 2)
    assert corners.min() >= 0 and corners.max() <= 256 - SIDE
    assert not (corners % CELL).any()
