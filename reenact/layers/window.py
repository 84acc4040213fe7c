"""The window in which the picture may change; outside, the selfie is kept."""

from __future__ import annotations

from torch import Tensor

from reenact.landmarks import MESH_INDICES
from reenact.layers.pose import apply_to_both

# Semi-axes of an ellipse around forehead and chin, in halves of the distance between them.
ALONG, ACROSS = 1.7, 1.45
INNER, OUTER = 0.8, 1.15  # radii in that ellipse: the window is 1 up to the first, 0 beyond the second
SMALLEST = 1e-2  # crop units; least height of a face, against division by zero

_FOREHEAD, _CHIN = MESH_INDICES.index(10), MESH_INDICES.index(152)


def head_window(source: Tensor, driving: Tensor, grid: Tensor) -> Tensor:
    """1 where either head is, with its hair and neck, and smoothly down to 0 around.

    Both heads count: where the selfie's head was, the background must be filled in.

    Args:
        source: landmarks (B, L, 2), or (1, L, 2) for the whole batch, crop units.
        driving: landmarks (B, L, 2).
        grid: (H, W, 2), crop units.

    Returns:
        (B, 1, H, W) in [0, 1].
    """
    there, here = apply_to_both(lambda landmarks: 1 - _window(landmarks, grid), source, driving)
    return 1 - (there * here)[:, None]


def _window(landmarks: Tensor, grid: Tensor) -> Tensor:
    """One head's window (B, H, W)."""
    top, chin = landmarks[:, _FOREHEAD, None, None], landmarks[:, _CHIN, None, None]
    half = (chin - top) / 2
    height = half.square().sum(-1).clamp_min(SMALLEST**2)
    x, y = (grid - (top + chin) / 2).unbind(-1)
    along = (x * half[..., 0] + y * half[..., 1]) / (height * ALONG)
    across = (y * half[..., 0] - x * half[..., 1]) / (height * ACROSS)
    radius = (along.square() + across.square() + 1e-6).sqrt()
    share = ((OUTER - radius) / (OUTER - INNER)).clamp(0, 1)
    return share.square() * (3 - 2 * share)
