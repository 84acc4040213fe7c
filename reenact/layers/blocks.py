"""Convolution blocks: each is a plain stack, so that batch norm folds away at export."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def _convolve(inputs: int, outputs: int, kernel: int) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
    return [convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]


class Same(nn.Sequential):
    """(B, inputs, H, W) -> (B, outputs, H, W)."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3) -> None:
        super().__init__(*_convolve(inputs, outputs, kernel))


class Down(nn.Sequential):
    """(B, inputs, H, W) -> (B, outputs, H/2, W/2)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(*_convolve(inputs, outputs, 3), nn.AvgPool2d(2))


class Up(nn.Sequential):
    """(B, inputs, H, W) -> (B, outputs, 2H, 2W)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(nn.Upsample(scale_factor=2, mode="nearest"), *_convolve(inputs, outputs, 3))


class ModulatedResidual(nn.Module):
    """Pre-activation residual block (He et al. 2016) conditioned on a code (FiLM, Perez et al. 2018).

    The code scales and shifts the second normalisation; initially it has no effect.
    """

    def __init__(self, channels: int, code: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.modulate = nn.Linear(code, 2 * channels)
        nn.init.zeros_(self.modulate.weight)
        nn.init.zeros_(self.modulate.bias)

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        """(B, C, H, W) and (B, code) -> (B, C, H, W)."""
        scale, shift = self.modulate(code)[:, :, None, None].chunk(2, 1)
        y = self.norm2(self.conv1(functional.relu(self.norm1(x))))
        found: Tensor = self.conv2(functional.relu(y * (1 + scale) + shift))
        return x + found


class Hourglass(nn.Module):
    """Encoder and decoder with skip connections (Newell et al. 2016), as in FOMM.

    (B, inputs, H, W) -> (B, ``outputs``, H, W); H and W divisible by 2**levels.
    """

    def __init__(self, inputs: int, width: int, levels: int, widest: int) -> None:
        super().__init__()
        channels = [inputs] + [min(widest, width * 2**level) for level in range(1, levels + 1)]
        self.downs = nn.ModuleList(Down(channels[i], channels[i + 1]) for i in range(levels))
        self.ups = nn.ModuleList()
        current = channels[-1]
        for level in reversed(range(levels)):
            outputs = min(widest, width * 2**level)
            self.ups.append(Up(current, outputs))
            current = outputs + channels[level]
        self.outputs = current

    def forward(self, x: Tensor) -> Tensor:
        """Features at the input's resolution, including the input itself."""
        skips = [x]
        for down in self.downs:
            skips.append(down(skips[-1]))
        features = skips.pop()
        for up in self.ups:
            features = torch.cat([up(features), skips.pop()], 1)
        return features
