"""Heatmaps of the openings of mouth and eyes.

A landmark's gaussian is wider than a slightly open mouth: the heatmaps of both lips coincide. Here the gap
itself is drawn with its true height, and nothing where it is closed.
"""

from __future__ import annotations

import torch
from torch import Tensor

from reenact.landmarks import GAPS, MOUTH_GAPS
from reenact.layers.constant import constant
from reenact.layers.geometry import full_precision

MAPS = 2  # mouth, eyes
LEAST = 0.75 / 64  # crop units: least standard deviation across the gap
ACROSS = (1 / 8, 1 / 5)  # standard deviation along mouth and eye, over the distance of their corners
FILL = 0.6  # standard deviation across the gap, over half its height


def openings(landmarks: Tensor, grid: Tensor, floor: float = 0.0) -> Tensor:
    """Draw the gaps of mouth and eyes.

    Args:
        landmarks: (B, L, 2), crop units.
        grid: (H, W, 2), crop units.
        floor: crop units added to every gap on each side; with it, closed lips are drawn as a line.

    Returns:
        (B, 2, H, W), mouth and eyes: near 1 inside an open one, 0 for a closed one.
    """
    device = landmarks.device
    places = tuple(place for end in zip(*GAPS, strict=True) for place in end)
    upper, lower, first, second = landmarks.index_select(1, constant(places, device)).chunk(4, 1)
    line = second - first
    length = line.square().sum(-1).clamp_min(1e-6).sqrt()
    direction = line / length[..., None]
    along_x, along_y = direction.unbind(-1)
    gap_x, gap_y = (lower - upper).unbind(-1)
    half = (gap_y * along_x - gap_x * along_y).clamp_min(0) / 2 + floor
    share = constant(tuple(ACROSS[place >= MOUTH_GAPS] for place in range(len(GAPS))), device)
    wide, high = (share * length).square(), (FILL * half).square() + LEAST**2
    strength = half / (half + LEAST)
    # The inverse covariance, high + (wide - high) along along^T: its diagonal and off-diagonal entries.
    wide, high = 1 / wide, 1 / high
    diagonal = high[..., None] + direction.square() * (wide - high)[..., None]
    beside = along_x * along_y * (wide - high)
    drawn = _bumps((upper + lower) / 2, diagonal, beside[..., None], strength[..., None], grid)
    return torch.stack([drawn[:, :MOUTH_GAPS].amax(1), drawn[:, MOUTH_GAPS:].amax(1)], 1)


def _bumps(centre: Tensor, diagonal: Tensor, beside: Tensor, height: Tensor, grid: Tensor) -> Tensor:
    """Gaussians around ``centre`` (B, n, 2): (B, n, H, W).

    ``diagonal`` (B, n, 2) and ``beside`` (B, n, 1) are the inverse covariance, ``height`` (B, n, 1). Their
    exponents are polynomials of x and y, so one matrix product computes them all.
    """
    slope = diagonal * centre + beside * centre.flip(-1)
    at_zero = (slope * centre).sum(-1, keepdim=True) - 2 * height.clamp_min(1e-9).log()
    x, y = grid.flatten(0, 1).unbind(-1)
    powers = torch.stack([x * x, y * y, x * y, x, y, torch.ones_like(x)])
    with full_precision(grid):
        exponent = torch.cat([diagonal, 2 * beside, -2 * slope, at_zero], -1) @ powers * -0.5
    return exponent.exp().reshape(*exponent.shape[:2], *grid.shape[:2])
