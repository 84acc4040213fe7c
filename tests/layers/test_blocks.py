from __future__ import annotations

import pytest
import torch
from torch import nn

from reenact.layers.blocks import Down, Hourglass, ModulatedResidual, Same, Up


@pytest.mark.parametrize(
    ("block", "shape"),
    [
        (Same(3, 5), (2, 5, 8, 12)),
        (Same(3, 5, kernel=7), (2, 5, 8, 12)),
        (Down(3, 5), (2, 5, 4, 6)),
        (Up(3, 5), (2, 5, 16, 24)),
    ],
)
def test_blocks_change_the_shape_as_they_say(block: nn.Module, shape: tuple[int, ...]) -> None:
    assert block(torch.rand(2, 3, 8, 12)).shape == shape


@pytest.mark.parametrize(("levels", "widest"), [(1, 64), (3, 64), (3, 6)])
def test_hourglass_keeps_the_resolution_and_hands_the_input_on(levels: int, widest: int) -> None:
    hourglass, x = Hourglass(3, 4, levels, widest), torch.rand(2, 3, 16, 8)
    features = hourglass(x)
    assert features.shape == (2, hourglass.outputs, 16, 8)
    assert torch.equal(features[:, -3:], x)


def test_a_code_changes_nothing_before_training_and_something_after() -> None:
    block = ModulatedResidual(4, 3).eval()
    x, code = torch.rand(2, 4, 8, 8), torch.rand(2, 3)
    before = block(x, torch.zeros_like(code))
    assert before.shape == x.shape and not torch.allclose(before, x)
    assert torch.equal(block(x, code), before)
    nn.init.ones_(block.modulate.weight)
    assert not torch.allclose(block(x, code), before)
