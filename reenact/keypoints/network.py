"""The learned keypoint detector (FOMM, sections 3.1 and 3.2)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from reenact.layers.blocks import Hourglass
from reenact.layers.geometry import pixel_grid


@dataclass(frozen=True)
class KeypointConfig:
    """Size of the detector."""

    keypoints: int = 10  # K
    width: int = 16  # channels of the hourglass at its input
    levels: int = 5
    widest: int = 128
    temperature: float = 0.1  # of the softmax over a heatmap


class KeypointNetwork(nn.Module):
    """Small picture -> K points and their jacobians."""

    def __init__(self, config: KeypointConfig) -> None:
        """Jacobians start as identity, as in FOMM."""
        super().__init__()
        self.config = config
        self.hourglass = Hourglass(3, config.width, config.levels, config.widest)
        self.heatmaps = nn.Conv2d(self.hourglass.outputs, config.keypoints, 3, padding=1)
        self.jacobians = nn.Conv2d(self.hourglass.outputs, 4 * config.keypoints, 3, padding=1)
        nn.init.zeros_(self.jacobians.weight)
        with torch.no_grad():
            assert self.jacobians.bias is not None
            self.jacobians.bias.copy_(torch.tensor([1.0, 0.0, 0.0, 1.0]).repeat(config.keypoints))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Find the keypoints.

        Args:
            image: (B, 3, 64, 64) float, RGB in [0, 1].

        Returns:
            points (B, K, 2) float32 in crop units, jacobians (B, K, 2, 2) float32.
        """
        features = self.hourglass(image)
        logits = self.heatmaps(features).float().flatten(2) / self.config.temperature
        weights = functional.softmax(logits, -1)
        grid = pixel_grid(image).flatten(0, 1)
        # Products and sums, not matmuls: autocast would use bfloat16 there, too coarse for coordinates.
        points = (weights[..., None] * grid).sum(2)
        maps = self.jacobians(features).float().flatten(2).unflatten(1, (-1, 4))  # (B, K, 4, H * W)
        jacobians = (weights[:, :, None] * maps).sum(-1).unflatten(-1, (2, 2))
        return points, jacobians
