"""The segmentation network for what is in front of a face."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

WIDTHS = (16, 24, 48, 64)  # channels at 1/2, 1/4, 1/8 and 1/16 of the resolution
HEAD = 12  # channels before the last layer


class OcclusionNetwork(nn.Module):
    """A small U-Net (Ronneberger et al. 2015); the last layer outputs 2 x 2 pixels per position."""

    def __init__(self) -> None:
        super().__init__()
        inputs = (6, *WIDTHS[:-1])
        self.down = nn.ModuleList(
            nn.Sequential(*_convolve(before, width, stride=2), *([_Residual(width)] if place else []))
            for place, (before, width) in enumerate(zip(inputs, WIDTHS, strict=True))
        )
        self.deep = _Residual(WIDTHS[-1])
        outputs = (HEAD, *WIDTHS[1:-1])
        self.up = nn.ModuleList(
            nn.Sequential(*_convolve(below + beside, width))
            for below, beside, width in zip((*outputs[1:], WIDTHS[-1]), WIDTHS[:-1], outputs, strict=True)
        )
        self.last = nn.Conv2d(HEAD, 4, 3, padding=1)

    def forward(self, picture: Tensor, own: Tensor) -> Tensor:
        """Probability that something is in front of the face, (B, S, S).

        ``picture`` and ``own`` are (B, 3, S, S) RGB in [0, 1], S a multiple of 16: the square of a frame, and
        the same face without what is in front; ``own`` is 0 throughout where that is not known.
        """
        return torch.sigmoid(self.scores(picture, own))

    def scores(self, picture: Tensor, own: Tensor) -> Tensor:
        """The logits of ``forward``."""
        x, kept = torch.cat([picture, own], 1) - 0.5, []
        for layer in self.down:
            x = layer(x)
            kept.append(x)
        x = self.deep(kept.pop())
        for layer in reversed(self.up):
            x = layer(torch.cat([functional.interpolate(x, scale_factor=2.0), kept.pop()], 1))
        return functional.pixel_shuffle(self.last(x), 2)[:, 0]


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.change = nn.Sequential(*_convolve(channels, channels), *_convolve(channels, channels)[:-1])

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.change(x))


def _convolve(inputs: int, outputs: int, stride: int = 1) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
    return [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]
