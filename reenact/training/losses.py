"""Losses of training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from reenact.landmarks import EYES_SLICE, MOUTH_SLICE
from reenact.layers.geometry import gaussians, inverse_2x2, multiply_2x2, pixel_grid, resize
from reenact.training.augment import RandomWarp

# Convolutions in each block of VGG-19 up to relu4_1; the first of a block is a tap.
BLOCKS = (2, 2, 4, 1)
# Scales each tap to about unit mean on face crops.
TAP_SCALES = (1 / 60, 1 / 250, 1 / 300, 1 / 600)
SMALLEST_GAP = 20  # pixels; a gap of which fewer are in view is weighted less
CAFFE_MEAN = (103.939, 116.779, 123.68)


class PerceptualLoss(nn.Module):
    """L1 distance of VGG-19 features at relu1_1, 2_1, 3_1 and 4_1 (Johnson et al. 2016)."""

    def __init__(self, weights: Path) -> None:
        """``weights`` is the ``.npz`` of VGG-19 in Keras layout (HWIO, BGR 0..255 minus the mean)."""
        super().__init__()
        arrays = np.load(weights)
        self.convolutions = nn.ModuleList()
        for block, count in enumerate(BLOCKS, 1):
            for index in range(1, count + 1):
                name = f"block{block}_conv{index}"
                kernel = torch.tensor(arrays[f"{name}/kernel"].astype(np.float32)).permute(3, 2, 0, 1)
                layer = nn.Conv2d(kernel.shape[1], kernel.shape[0], 3, padding=1)
                layer.weight.data = kernel.contiguous()
                layer.bias.data = torch.tensor(arrays[f"{name}/bias"].astype(np.float32))  # type: ignore[union-attr]
                self.convolutions.append(layer)
        self.register_buffer("mean", torch.tensor(CAFFE_MEAN).view(1, 3, 1, 1))
        self.mean: Tensor
        self.requires_grad_(False)

    def features(self, picture: Tensor, taps: int) -> list[Tensor]:
        """First ``taps`` taps of (B, 3, H, W) RGB in [0, 1]."""
        x, found, layers = picture.flip(1) * 255 - self.mean, [], iter(self.convolutions)
        for block in range(taps):
            x = functional.max_pool2d(x, 2) if block else x
            x = functional.relu(next(layers)(x))
            found.append(x * TAP_SCALES[block])
            for _ in range(BLOCKS[block] - 1 if block + 1 < taps else 0):
                x = functional.relu(next(layers)(x))
        return found

    def forward(self, generated: Tensor, real: Tensor, taps: int = 4) -> Tensor:
        """Sum over taps of the mean absolute difference; both (B, 3, H, W) in [0, 1]."""
        with torch.no_grad():
            targets = self.features(real, taps)
        found = self.features(generated, taps)
        return torch.stack(
            [(a.float() - b.float()).abs().mean() for a, b in zip(found, targets, strict=True)]
        ).sum()


def expression_weight(landmarks: Tensor, like: Tensor) -> Tensor:
    """1 at eyes and mouth, falling off around: (B, 1, H, W) for landmarks (B, L, 2)."""
    small = functional.avg_pool2d(like[:1, :1], 4)
    grid = pixel_grid(small)
    mouth = gaussians(landmarks[:, MOUTH_SLICE], grid, 0.004)
    eyes = gaussians(landmarks[:, EYES_SLICE], grid, 0.002)
    return resize(torch.cat([mouth, eyes], 1).amax(1, keepdim=True), like.shape[2:])


def weighted_l1(generated: Tensor, real: Tensor, weight: Tensor) -> Tensor:
    """Mean absolute difference under ``weight`` (B, 1, H, W)."""
    return ((generated - real).abs().mean(1, keepdim=True) * weight).sum() / weight.sum().clamp_min(1)


def gaps_l1(generated: Tensor, real: Tensor, gaps: Tensor) -> Tensor:
    """Mean absolute difference inside mouth and eyes, normalised by their area.

    ``gaps`` is (B, 2, H, W), see ``openings``.
    """
    difference = (generated - real).abs().mean(1, keepdim=True)
    return ((difference * gaps).sum((2, 3)) / gaps.sum((2, 3)).clamp_min(SMALLEST_GAP)).mean()


def equivariance_loss(
    points: Tensor, jacobians: Tensor, warped_points: Tensor, warped_jacobians: Tensor, warp: RandomWarp
) -> Tensor:
    """Keypoints must move with the picture: values, and jacobians by their product (FOMM, section 3.1)."""
    values = (points - warp.move(warped_points)).abs().mean()
    carried = multiply_2x2(warp.jacobian(warped_points), warped_jacobians)
    product = multiply_2x2(inverse_2x2(jacobians), carried)
    return values + (torch.eye(2, device=points.device) - product).abs().mean()
