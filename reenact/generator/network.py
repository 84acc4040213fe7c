"""Encoder and decoder: the source is warped by the flow, then corrected.

Differences from FOMM: features are warped at 128 and 64 pixels, not only at 64; the output is the warped
source plus a correction that starts at zero, so sharp pixels are copied and only what the source does not
show is generated; the last step works on 128 x 128 groups of 2 x 2 pixels (sub-pixel convolution, Shi et al.
2016), which makes 256 x 256 cost little more than 128 x 128.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from reenact.layers.blocks import Down, ModulatedResidual, Same, Up
from reenact.layers.geometry import resize, resize_flow, warp
from reenact.layers.openings import MAPS
from reenact.layers.pose import Movement, Pose, apply_to_both

OPENINGS = 2 * MAPS  # maps of the driving and of the source face
FINEST_SHIFT = 0.1  # crop units: how far the decoder may move a pixel beyond the dense motion


@dataclass(frozen=True)
class GeneratorConfig:
    """Size of encoder and decoder."""

    landmarks: int = 31  # L
    condition: int = 48  # channels from the motion network
    fine: int = 16  # channels at 128
    coarse: int = 64  # channels at 64
    blocks: int = 4  # residual blocks at 64
    code: int = 64  # length of the expression code


class Features(NamedTuple):
    """Features that the decoder warps: (B, fine, 128, 128), (B, coarse, 64, 64)."""

    fine: Tensor
    coarse: Tensor


class Rendered(NamedTuple):
    """A generated batch.

    ``rgb`` and ``copied`` (B, 3, 256, 256): the picture, and the warped source without correction; ``flow``
    (B, 128, 128, 2) crop units.
    """

    rgb: Tensor
    flow: Tensor
    copied: Tensor


class Encoder(nn.Module):
    """Source picture -> features; run once per selfie, so it may cost more than the decoder."""

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.first = Same(12, 32)
        self.fine = Same(32, config.fine)
        self.down = Down(32, config.coarse)
        self.coarse = Same(config.coarse, config.coarse)

    def forward(self, image: Tensor) -> Features:
        """(B, 3, 256, 256) RGB in [0, 1] -> features."""
        first = self.first(functional.pixel_unshuffle(image, 2))
        return Features(self.fine(first), self.coarse(self.down(first)))


class Decoder(nn.Module):
    """Warped features -> picture."""

    def __init__(self, config: GeneratorConfig) -> None:
        """The head starts at zero: an untrained decoder returns the warped source."""
        super().__init__()
        wide = config.coarse
        self.expression = nn.Sequential(
            nn.Linear(4 * config.landmarks, config.code),
            nn.ReLU(),
            nn.Linear(config.code, config.code),
            nn.ReLU(),
        )
        self.mix_coarse = Same(wide + config.condition + 4 * OPENINGS, wide)
        self.blocks = nn.ModuleList(ModulatedResidual(wide, config.code) for _ in range(config.blocks))
        self.up = Up(wide, 32)
        self.mix_fine = nn.Sequential(Same(32 + config.fine + 4 + OPENINGS, 32), Same(32, 32))
        self.head = nn.Conv2d(32, 12 + 2, 3, padding=1)
        nn.init.zeros_(self.head.weight)
        assert self.head.bias is not None
        nn.init.zeros_(self.head.bias)

    def forward(
        self,
        image: Tensor,
        features: Features,
        source: Pose,
        driving: Pose,
        motion: Movement,
    ) -> Rendered:
        """Render one batch. If ``motion`` is a crop, so is the result.

        Args:
            image: the source, (B, 3, 256, 256) RGB in [0, 1]; a leading 1 serves the whole batch.
            features: of the source, likewise.
            source: pose of the source, likewise.
            driving: pose to take.
            motion: result of ``DenseMotion``.
        """
        flow, occlusion, condition, window, openings = motion
        was, now = apply_to_both(_shape, source.landmarks, driving.landmarks)
        code = self.expression(torch.cat([was.expand_as(now), now - was], -1))
        coarse = warp(features.coarse, flow) * occlusion[:, :1]
        y = self.mix_coarse(torch.cat([coarse, condition, openings], 1))
        for block in self.blocks:
            y = block(y, code)
        size = (2 * flow.shape[1], 2 * flow.shape[2])
        flow, seen, window = resize_flow(flow, size), resize(occlusion[:, 1:], size), resize(window, size)
        # Sample the features and the reduced picture together.
        half = functional.avg_pool2d(image, 2).to(features.fine.dtype)
        moved = warp(torch.cat([features.fine, half], 1), flow)
        fine, glance = moved[:, :-3] * seen, moved[:, -3:]
        openings = functional.pixel_shuffle(openings, 2).to(fine.dtype)
        mixed = self.mix_fine(torch.cat([self.up(y), fine, glance, seen, openings], 1))
        head = self.head(mixed).float()
        flow = flow + FINEST_SHIFT * (torch.tanh(head[:, 12:]) * window).permute(0, 2, 3, 1)
        copied = warp(image, resize_flow(flow, (2 * size[0], 2 * size[1])))
        rgb = copied + functional.pixel_shuffle(torch.tanh(head[:, :12]) * window, 2)
        return Rendered(rgb, flow, copied)


def _shape(landmarks: Tensor) -> Tensor:
    """Landmarks (B, L, 2) normalised for position and size, as (B, 2L): expression and head rotation."""
    centred = landmarks - landmarks.mean(1, keepdim=True)
    size = centred.square().mean((1, 2), keepdim=True).sqrt()
    return (centred / (size + 1e-3)).flatten(1)
