"""What the compose graph makes of a picture and the warped source that it was painted on."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from reenact.export.graphs import ComposeGraph, split_detail, to_bytes, to_float
from reenact.layers.geometry import pixel_grid, resize

STILL = pixel_grid(torch.empty(128, 128))[None]
SEEN = slice(4, -4)  # an enlarged flow is flat at the rim


@pytest.fixture
def source() -> Tensor:
    """A smooth picture with grain that only 512 pixels can show, (1, 512, 512, 3) uint8."""
    random = torch.Generator().manual_seed(0)
    smooth = resize(torch.rand(1, 3, 8, 8, generator=random) * 0.6 + 0.2, (512, 512))
    grain = 0.1 * (torch.arange(512) % 2 * 2 - 1) * (torch.arange(512)[:, None] % 2 * 2 - 1)
    return to_bytes(smooth + grain)


def small(source: Tensor) -> Tensor:
    """The same at 256, without the grain: (1, 3, 256, 256) in [0, 1]."""
    return torch.nn.functional.avg_pool2d(to_float(source), 2)


def composed(source: Tensor, painted: Tensor) -> Tensor:
    """(1, 3, 512, 512) in [0, 1]."""
    return to_float(ComposeGraph()(source, *split_detail(painted, small(source)), STILL))


def grain(picture: Tensor) -> float:
    """How much of the grain there is, 0.1 in the source."""
    return float((picture - resize(torch.nn.functional.avg_pool2d(picture, 2), (512, 512))).abs().mean())


def test_what_was_only_moved_is_the_source_itself(source: Tensor) -> None:
    made = composed(source, small(source))
    assert (made - to_float(source))[..., SEEN, SEEN].abs().max() < 1.5 / 255


def test_a_small_repair_keeps_the_detail(source: Tensor) -> None:
    painted = small(source) + 4 / 255
    made = composed(source, painted)
    assert grain(made) > 0.9 * grain(to_float(source))
    assert (torch.nn.functional.avg_pool2d(made, 2) - painted).abs().mean() < 1 / 255


def test_what_was_painted_anew_has_nothing_of_the_source(source: Tensor) -> None:
    painted = small(source).clone()
    painted[..., 64:192, 64:192] = 0.9 - 0.5 * painted[..., 64:192, 64:192].round()
    made, inner = composed(source, painted), slice(160, 352)
    expected = resize(painted, (512, 512))
    assert (made - expected)[..., inner, inner].abs().median() < 1.5 / 255
    assert (made - to_float(source))[..., 4:64, 4:64].abs().max() < 1.5 / 255
