"""How far mouth and eyes are open, drawn where they are.

A landmark's gaussian is wider than a mouth that just opens: the heat of both lips lies on one place. Here the
gap itself is drawn, with its true height, and nothing where it is closed.
"""

from __future__ import annotations

import torch
from torch import Tensor

from reenact.landmarks import GAPS, MOUTH_GAPS

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
    upper, lower, first, second = (landmarks[:, list(places)] for places in zip(*GAPS, strict=True))
    line = second - first
    length = line.square().sum(-1, keepdim=True).clamp_min(1e-6).sqrt()
    along = line / length
    down = torch.stack([-along[..., 1], along[..., 0]], -1)
    half = ((lower - upper) * down).sum(-1).clamp_min(0) / 2 + floor
    reach = length[..., 0] * torch.tensor(
        [ACROSS[place >= MOUTH_GAPS] for place in range(len(GAPS))], device=length.device
    )
    away = grid[None, None] - ((upper + lower) / 2)[:, :, None, None]
    beside = (away * along[:, :, None, None]).sum(-1) / reach[..., None, None]
    height = (FILL * half).square() + LEAST**2
    above = (away * down[:, :, None, None]).sum(-1).square() / height[..., None, None]
    drawn = (half / (half + LEAST))[..., None, None] * torch.exp((beside.square() + above) * -0.5)
    mouth, eyes = drawn[:, :MOUTH_GAPS], drawn[:, MOUTH_GAPS:]
    return torch.stack([mouth.amax(1), eyes.amax(1)], 1)
