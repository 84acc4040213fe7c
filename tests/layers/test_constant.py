from __future__ import annotations

import torch

from reenact.layers.constant import constant

HERE = torch.device("cpu")


def test_places_and_factors_that_are_equal_stay_apart() -> None:
    assert constant((0.0, 1.0), HERE).dtype == torch.float32
    assert constant((0, 1), HERE).dtype == torch.long
    assert constant((0, 1), HERE) is constant((0, 1), HERE)
    assert constant((), HERE).dtype == torch.long
