"""How far mouth and eyes are open, drawn where they are.

A landmark's gaussian is wider than a mouth that just opens: the heat of both lips lies on one place. Here the
gap itself is drawn, with its true height, and nothing where it is closed.
"""

from __future__ import annotations

import torch
from torch import Tensor

from reenact.landmarks import GAPS, MOUTH_GAPS
from reenact.layers.constant import constant
from reenact.layers.geometry import exact

MAPS = 2  # mouth, eyes
LEAST = 0.75 / 64  # crop units: standard deviation, across the gap, of one that is hardly open
ACROSS = (1 / 8, 1 / 5)  # standard deviation along mouth and eye, as shares of the distance of their corners
FILL = 0.6  # standard deviation across the gap, as a share of half its height


def openings(landmarks: Tensor, grid: Tensor, floor: float = 0.0) -> Tensor:
    """Draw the gaps of mouth and eyes.

    Args:
        landmarks: (B, L, 2), crop units.
        grid: (H, W, 2), crop units.
        floor: crop units that every gap is taken to be wider, to each side: closed lips are a line then.

    Returns:
        (B, 2, H, W), mouth and eyes: near 1 inside an open one, 0 where it is closed.
    """
    device = landmarks.device
    upper, lower, first, second = (
        landmarks[:, constant(places, device)] for places in zip(*GAPS, strict=True)
    )
    line = second - first
    length = line.square().sum(-1).clamp_min(1e-6).sqrt()
    along_x, along_y = (line / length[..., None]).unbind(-1)
    gap_x, gap_y = (lower - upper).unbind(-1)
    half = (gap_y * along_x - gap_x * along_y).clamp_min(0) / 2 + floor
    share = constant(tuple(ACROSS[place >= MOUTH_GAPS] for place in range(len(GAPS))), device)
    wide, high = (share * length).square(), (FILL * half).square() + LEAST**2
    strength = half / (half + LEAST)
    xx, yy = along_x**2 / wide + along_y**2 / high, along_y**2 / wide + along_x**2 / high
    xy = along_x * along_y * (1 / wide - 1 / high)
    drawn = _bumps((upper + lower) / 2, xx, xy, yy, strength, grid)
    return torch.stack([drawn[:, :MOUTH_GAPS].amax(1), drawn[:, MOUTH_GAPS:].amax(1)], 1)


def _bumps(centre: Tensor, xx: Tensor, xy: Tensor, yy: Tensor, height: Tensor, grid: Tensor) -> Tensor:
    """Gaussians of these inverse covariances and heights (B, n) around ``centre`` (B, n, 2): (B, n, H, W).

    Their exponents are polynomials of x and y, so that one matrix product gives them all.
    """
    x0, y0 = centre.unbind(-1)
    x, y = grid.flatten(0, 1).unbind(-1)
    at_zero = xx * x0**2 + 2 * xy * x0 * y0 + yy * y0**2 - 2 * height.clamp_min(1e-9).log()
    terms = [xx, 2 * xy, yy, -2 * (xx * x0 + xy * y0), -2 * (xy * x0 + yy * y0), at_zero]
    powers = torch.stack([x * x, x * y, y * y, x, y, torch.ones_like(x)])
    with exact(grid):
        exponent = torch.stack(terms, -1) @ powers * -0.5
    return exponent.exp().reshape(*exponent.shape[:2], *grid.shape[:2])
