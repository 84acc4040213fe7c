"""The landmark network for one part of a face."""

from __future__ import annotations

import torch
from torch import Tensor, nn

WIDTHS = (16, 24, 48, 64, 96)  # channels at a half, a fourth ... of the picture
SIDE = 4  # pixels of the last grid


class PointNetwork(nn.Module):
    """A small residual network (He et al. 2016) that keeps its grid up to the last layers."""

    def __init__(self, points: int, size: int = 64, code: int = 96) -> None:
        """``size`` of the picture in pixels, 4 times a power of two; ``code`` is the last layer's length."""
        super().__init__()
        widths = WIDTHS[: (size // SIDE).bit_length() - 1]
        layers: list[nn.Module] = []
        for inputs, outputs in zip((3, *widths[:-1]), widths, strict=True):
            layers += [*_convolve(inputs, outputs, stride=2), _Residual(outputs)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(widths[-1], 32, 1), nn.ReLU(), nn.Flatten())
        self.place = nn.Sequential(nn.Linear(32 * SIDE**2, code), nn.ReLU(), nn.Linear(code, 2 * points))

    def forward(self, picture: Tensor) -> Tensor:
        """(B, 3, S, S) RGB in [0, 1] -> points (B, P, 2): [0, 1] across the picture."""
        found: Tensor = self.place(self.layers(picture - 0.5)).unflatten(1, (-1, 2)) + 0.5
        return found


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.change = nn.Sequential(*_convolve(channels, channels), *_convolve(channels, channels)[:-1])

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.change(x))


def _convolve(inputs: int, outputs: int, stride: int = 1) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
    return [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]
