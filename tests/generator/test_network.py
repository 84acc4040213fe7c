from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from reenact.generator.network import (
    FINEST_SHIFT,
    OPENINGS,
    Decoder,
    Encoder,
    GeneratorConfig,
    Rendered,
    _shape,
)
from reenact.landmarks import COUNT
from reenact.layers.geometry import pixel_grid, resize_flow, warp
from reenact.layers.pose import Movement, Pose

CONFIG = GeneratorConfig(landmarks=COUNT, condition=5, fine=4, coarse=8, blocks=1, code=4)


def pose(seed: int) -> Pose:
    random = torch.Generator().manual_seed(seed)
    landmarks = torch.rand(2, CONFIG.landmarks, 2, generator=random)
    return Pose(torch.zeros(2, 1, 2), torch.eye(2).expand(2, 1, 2, 2), landmarks)


def movement(shift: float = 0.0) -> Movement:
    flow = pixel_grid(torch.empty(64, 64)).expand(2, -1, -1, -1) + shift
    condition = torch.rand(2, CONFIG.condition, 64, 64, generator=torch.Generator().manual_seed(2))
    openings = torch.rand(2, 4 * OPENINGS, 64, 64, generator=torch.Generator().manual_seed(3))
    return Movement(flow, torch.ones(2, 2, 64, 64), condition, torch.ones(2, 1, 64, 64), openings)


def render(decoder: Decoder, image: Tensor, shift: float = 0.0, motion: Movement | None = None) -> Rendered:
    torch.manual_seed(1)
    encoder = Encoder(CONFIG).eval()
    motion = motion or movement(shift)
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
    assert out.flow.shape == (2, 128, 128, 2)


def test_the_finest_shift_stays_in_its_range_whatever_the_head_says(image: Tensor) -> None:
    decoder = Decoder(CONFIG)
    torch.manual_seed(0)
    nn.init.normal_(decoder.head.weight, std=10)
    out = render(decoder, image)
    shift = (out.flow - pixel_grid(torch.empty(128, 128))).abs()[:, 2:-2, 2:-2]
    assert 0.9 * FINEST_SHIFT < shift.max() <= FINEST_SHIFT + 1e-5


def test_an_expression_has_no_place_and_no_size() -> None:
    still = pose(3)
    moved = still._replace(landmarks=still.landmarks * 1.7 + torch.tensor([0.3, -0.2]))
    torch.testing.assert_close(_shape(still.landmarks), _shape(moved.landmarks), atol=0.02, rtol=0)
    assert not torch.allclose(_shape(still.landmarks), _shape(pose(4).landmarks), atol=0.1)


def test_nothing_is_painted_outside_the_window(image: Tensor) -> None:
    decoder = Decoder(CONFIG)
    torch.manual_seed(0)
    nn.init.normal_(decoder.head.weight, std=10)
    window = torch.zeros(2, 1, 64, 64)
    window[..., 32:] = 1
    out = render(decoder, image, motion=movement()._replace(window=window))
    left = slice(0, 120)
    torch.testing.assert_close(out.rgb[..., left], image[..., left], atol=0.02, rtol=0)
    assert (out.rgb[..., 136:] - image[..., 136:]).abs().max() > 0.1


def test_a_part_is_painted_as_in_the_whole(image: Tensor) -> None:
    decoder = Decoder(CONFIG)
    torch.manual_seed(0)
    nn.init.normal_(decoder.head.weight, std=0.3)
    motion = movement(0.1)
    part = slice(16, 48)
    some = Movement(motion.flow[:, part, part], *(value[..., part, part] for value in motion[1:]))
    whole, seen = render(decoder, image, motion=motion), render(decoder, image, motion=some)
    assert seen.rgb.shape == (2, 3, 128, 128)
    inner = slice(40, 88)  # beyond the reach of the cut's rim
    torch.testing.assert_close(
        seen.rgb[..., inner, inner], whole.rgb[..., 104:152, 104:152], atol=1e-4, rtol=0
    )


def test_what_is_painted_depends_on_the_openings(image: Tensor) -> None:
    decoder = Decoder(CONFIG)
    torch.manual_seed(0)
    nn.init.normal_(decoder.head.weight, std=0.3)
    motion = movement()
    other = motion.openings.clone()
    other[:, :, 40, 24] = 1 - other[:, :, 40, 24]
    changed = (
        render(decoder, image, motion=motion._replace(openings=other)).rgb
        != render(decoder, image, motion=motion).rgb
    ).any(1)
    rows, columns = changed.nonzero()[:, 1:].unbind(1)
    assert changed[:, 160:164, 96:100].all()
    assert rows.min() > 100 and rows.max() < 220 and columns.min() > 40 and columns.max() < 160
