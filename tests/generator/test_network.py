from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from reenact.generator.network import (
    FINEST_SHIFT,
    Decoder,
    Encoder,
    GeneratorConfig,
    Rendered,
    _shape,
)
from reenact.layers.geometry import pixel_grid, resize_flow, warp
from reenact.layers.pose import Pose

CONFIG = GeneratorConfig(landmarks=6, condition=5, fine=4, coarse=8, blocks=1, code=4)


def pose(seed: int) -> Pose:
    random = torch.Generator().manual_seed(seed)
    landmarks = torch.rand(2, CONFIG.landmarks, 2, generator=random)
    return Pose(torch.zeros(2, 1, 2), torch.eye(2).expand(2, 1, 2, 2), landmarks)


def render(decoder: Decoder, image: Tensor, shift: float = 0.0) -> Rendered:
    encoder = Encoder(CONFIG).eval()
    flow = pixel_grid(torch.empty(64, 64)).expand(2, -1, -1, -1) + shift
    motion = flow, torch.ones(2, 2, 64, 64), torch.rand(2, CONFIG.condition, 64, 64)
    result: Rendered = decoder.eval()(image, encoder(image), pose(1), pose(2), motion)
    return result


@pytest.fixture
def image() -> Tensor:
    coarse = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    return functional.interpolate(coarse, size=(256, 256), mode="bicubic").clamp(0, 1)


def test_encoder_features_have_their_two_resolutions(image: Tensor) -> None:
    features = Encoder(CONFIG)(image)
    assert features.fine.shape == (2, CONFIG.fine, 128, 128)
    assert features.coarse.shape == (2, CONFIG.coarse, 64, 64)


@pytest.mark.parametrize("shift", [0.0, 0.25])
def test_an_untrained_decoder_is_a_perfect_copier(image: Tensor, shift: float) -> None:
    out = render(Decoder(CONFIG), image, shift)
    expected = warp(image, resize_flow(out.flow, (256, 256)))
    assert torch.equal(out.rgb, out.copied)
    torch.testing.assert_close(out.copied, expected)
    inner = slice(64, -64)
    moved = round(shift * 128)  # crop units to pixels
    shown = out.rgb[..., inner, inner]
    wanted = image[..., 64 + moved : 192 + moved, 64 + moved : 192 + moved]
    assert (shown - wanted).abs().max() < 0.02


def test_shapes(image: Tensor) -> None:
    out = render(Decoder(CONFIG), image)
    assert out.rgb.shape == out.copied.shape == (2, 3, 256, 256)
    assert out.alpha.shape == (2, 1, 256, 256)
    assert out.flow.shape == (2, 128, 128, 2)


def test_alpha_and_the_finest_shift_stay_in_their_range_whatever_the_head_says(image: Tensor) -> None:
    decoder = Decoder(CONFIG)
    torch.manual_seed(0)
    nn.init.normal_(decoder.head.weight, std=10)
    out = render(decoder, image)
    assert 0 <= out.alpha.min() < 0.1
    assert 0.9 < out.alpha.max() <= 1
    shift = (out.flow - pixel_grid(torch.empty(128, 128))).abs()[:, 2:-2, 2:-2]
    assert 0.9 * FINEST_SHIFT < shift.max() <= FINEST_SHIFT + 1e-5


def test_an_expression_has_no_place_and_no_size() -> None:
    still = pose(3)
    moved = still._replace(landmarks=still.landmarks * 1.7 + torch.tensor([0.3, -0.2]))
    torch.testing.assert_close(_shape(still), _shape(moved), atol=0.02, rtol=0)
    assert not torch.allclose(_shape(still), _shape(pose(4)), atol=0.1)
