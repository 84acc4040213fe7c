"""Building blocks of FOMM's networks; parameters are named as in the published checkpoints."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Change = Literal["same", "down", "up"]


class Block(nn.Module):
    """Convolution, batch norm and ReLU that keep, halve or double the resolution."""

    def __init__(self, inputs: int, outputs: int, change: Change = "same", kernel: int = 3) -> None:
        super().__init__()
        self.change = change
        self.conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H', W')."""
        if self.change == "up":
            x = functional.interpolate(x, scale_factor=2.0)
        x = functional.relu(self.norm(self.conv(x)))
        return functional.avg_pool2d(x, 2) if self.change == "down" else x


class Residual(nn.Module):
    """Pre-activation residual block (He et al. 2016)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm1, self.norm2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        y = self.conv1(functional.relu(self.norm1(x)))
        found: Tensor = self.conv2(functional.relu(self.norm2(y)))
        return x + found


class Hourglass(nn.Module):
    """Encoder and decoder with skip connections (Newell et al. 2016)."""

    def __init__(self, inputs: int, width: int, levels: int, widest: int) -> None:
        super().__init__()
        wide = [min(widest, width * 2**level) for level in range(levels + 1)]
        downs = [Block(wide[i] if i else inputs, wide[i + 1], "down") for i in range(levels)]
        ups = [
            Block(wide[i + 1] * (1 if i == levels - 1 else 2), wide[i], "up") for i in reversed(range(levels))
        ]
        self.encoder, self.decoder = _named("down_blocks", downs), _named("up_blocks", ups)
        self.outputs = width + inputs

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H, W); the last channels are the input itself."""
        seen = [x]
        for down in self.encoder["down_blocks"].children():
            seen.append(down(seen[-1]))
        y = seen.pop()
        for up in self.decoder["up_blocks"].children():
            y = torch.cat([up(y), seen.pop()], 1)
        return y


class Antialias(nn.Module):
    """Gaussian blur, then subsampling by n; the gaussian is part of the checkpoint."""

    def __init__(self, channels: int, scale: float) -> None:
        """``scale`` is 1/n."""
        super().__init__()
        self.step = round(1 / scale)
        sigma = (self.step - 1) / 2
        reach = round(4 * sigma)
        along = torch.exp(-torch.arange(-reach, reach + 1).float().square() / (2 * max(sigma, 1e-6) ** 2))
        kernel = along[:, None] * along
        self.weight: Tensor
        self.register_buffer("weight", (kernel / kernel.sum()).repeat(channels, 1, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H/n, W/n)."""
        reach = self.weight.shape[-1] // 2
        return functional.conv2d(image, self.weight, stride=self.step, padding=reach, groups=len(self.weight))


def corner_grid(like: Tensor) -> Tensor:
    """Centres of the pixels of ``like`` (..., H, W) in FOMM's coordinates: (H, W, 2), x then y.

    -1 and 1 are the centres of the outermost pixels, as in ``grid_sample(align_corners=True)``.
    """
    height, width = like.shape[-2:]
    y = torch.arange(height, device=like.device, dtype=torch.float32) / (height - 1) * 2 - 1
    x = torch.arange(width, device=like.device, dtype=torch.float32) / (width - 1) * 2 - 1
    return torch.stack([x[None].expand(height, width), y[:, None].expand(height, width)], -1)


def sample(image: Tensor, flow: Tensor) -> Tensor:
    """(B, C, H, W) at ``flow`` (B, h, w, 2): zeros outside, corners aligned, as torch 1.0 did for FOMM."""
    return functional.grid_sample(image, flow, mode="bilinear", padding_mode="zeros", align_corners=True)


def _named(name: str, blocks: Iterable[nn.Module]) -> nn.ModuleDict:
    return nn.ModuleDict({name: nn.ModuleList(blocks)})
