"""How the pictures that the occlusion network learns from are looked at, lit and made worse."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from reenact.blending.occlusion import SIZE
from reenact.layers.geometry import pixel_grid


def views(batch: int, scale: float, shift: float, turn: float) -> Tensor:
    """Places (B, S * S, 2) at which a square is looked at, scaled, shifted and turned."""
    angle, size = (torch.rand(batch) * 2 - 1) * turn, torch.exp(torch.randn(batch) * scale)
    cos, sin = torch.cos(angle) * size, torch.sin(angle) * size
    linear = torch.stack([torch.stack([cos, -sin], -1), torch.stack([sin, cos], -1)], -2)
    base = pixel_grid(torch.empty(SIZE, SIZE)).reshape(1, -1, 2)
    return (base - torch.randn(batch, 1, 2) * shift) @ linear.mT


def near_identity(batch: int) -> Tensor:
    """Affine maps (B, 3, 2) near identity: how far a rebuilt face lies beside the true one."""
    return torch.cat(
        [
            torch.eye(2).expand(batch, 2, 2) + torch.randn(batch, 2, 2) * 0.015,
            torch.randn(batch, 1, 2) * 0.012,
        ],
        1,
    )


def seen_at(pictures: Tensor, grid: Tensor, beyond: str = "zeros") -> Tensor:
    """Pictures (B, C, H, W) uint8 or in [0, 255] at places (B, S * S, 2) -> (B, C, S, S) in [0, 1]."""
    places = grid.view(len(grid), SIZE, SIZE, 2)
    return functional.grid_sample(pictures.float() / 255, places, padding_mode=beyond, align_corners=False)


def _smooth_field(batch: int, cells: int) -> Tensor:
    field = torch.randn(batch, 1, cells, cells)
    return functional.interpolate(field, size=(SIZE, SIZE), mode="bicubic", align_corners=True)


def lit(picture: Tensor, most: float) -> Tensor:
    """Under a light that changes across the picture, at times with an edge as that of a shadow."""
    field = _smooth_field(len(picture), 3)
    hard = torch.rand(len(picture), 1, 1, 1) < 0.25
    field = torch.where(hard, torch.tanh(field * 6) * 0.6, field) * torch.rand(len(picture), 1, 1, 1) * most
    return (picture * torch.exp(field.clamp(-1.2, 0.8))).clamp(0, 1)


def softened(picture: Tensor) -> Tensor:
    """Softer, as rendered faces are, for two thirds."""
    half = functional.interpolate(functional.avg_pool2d(picture, 2), scale_factor=2.0, mode="bilinear")
    mix = torch.rand(len(picture), 1, 1, 1)
    return torch.where(torch.rand(len(picture), 1, 1, 1) < 0.67, picture.lerp(half, mix), picture)


def grained(picture: Tensor) -> Tensor:
    """Blurred for a third, with noise."""
    half = functional.interpolate(functional.avg_pool2d(picture, 2), scale_factor=2.0, mode="bilinear")
    picture = torch.where(torch.rand(len(picture), 1, 1, 1) < 0.3, half, picture)
    return (picture + torch.randn_like(picture) * torch.rand(len(picture), 1, 1, 1) * 0.03).clamp(0, 1)
