"""Augmentation for the occlusion network: views, lighting and degradation."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from reenact.blending.occlusion import SIZE
from reenact.layers.geometry import pixel_grid


def views(batch: int, scale: float, shift: float, turn: float) -> Tensor:
    """Sampling positions (B, S * S, 2) of a square, scaled, shifted and rotated at random."""
    angle, size = (torch.rand(batch) * 2 - 1) * turn, torch.exp(torch.randn(batch) * scale)
    cos, sin = torch.cos(angle) * size, torch.sin(angle) * size
    linear = torch.stack([torch.stack([cos, -sin], -1), torch.stack([sin, cos], -1)], -2)
    base = pixel_grid(torch.empty(SIZE, SIZE)).reshape(1, -1, 2)
    return (base - torch.randn(batch, 1, 2) * shift) @ linear.mT


def near_identity(batch: int) -> Tensor:
    """Random affine maps (B, 3, 2) near identity: misalignment of a rebuilt face and the true one."""
    return torch.cat(
        [
            torch.eye(2).expand(batch, 2, 2) + torch.randn(batch, 2, 2) * 0.015,
            torch.randn(batch, 1, 2) * 0.012,
        ],
        1,
    )


def seen_at(pictures: Tensor, grid: Tensor, beyond: str = "zeros") -> Tensor:
    """Pictures (B, C, H, W) uint8 or in [0, 255], sampled at (B, S * S, 2) -> (B, C, S, S) in [0, 1]."""
    places = grid.view(len(grid), SIZE, SIZE, 2)
    return functional.grid_sample(pictures.float() / 255, places, padding_mode=beyond, align_corners=False)


def _smooth_field(batch: int, cells: int) -> Tensor:
    field = torch.randn(batch, 1, cells, cells)
    return functional.interpolate(field, size=(SIZE, SIZE), mode="bicubic", align_corners=True)


def lit(picture: Tensor, most: float) -> Tensor:
    """Apply light that varies across the picture, for a quarter with a hard edge like a shadow's."""
    field = _smooth_field(len(picture), 3)
    hard = torch.rand(len(picture), 1, 1, 1) < 0.25
    field = torch.where(hard, torch.tanh(field * 6) * 0.6, field) * torch.rand(len(picture), 1, 1, 1) * most
    return (picture * torch.exp(field.clamp(-1.2, 0.8))).clamp(0, 1)


def softened(picture: Tensor) -> Tensor:
    """Blur two thirds of the pictures, as rendered faces are soft."""
    half = functional.interpolate(functional.avg_pool2d(picture, 2), scale_factor=2.0, mode="bilinear")
    mix = torch.rand(len(picture), 1, 1, 1)
    return torch.where(torch.rand(len(picture), 1, 1, 1) < 0.67, picture.lerp(half, mix), picture)


def grained(picture: Tensor) -> Tensor:
    """Add noise; blur a third of the pictures."""
    half = functional.interpolate(functional.avg_pool2d(picture, 2), scale_factor=2.0, mode="bilinear")
    picture = torch.where(torch.rand(len(picture), 1, 1, 1) < 0.3, half, picture)
    return (picture + torch.randn_like(picture) * torch.rand(len(picture), 1, 1, 1) * 0.03).clamp(0, 1)
