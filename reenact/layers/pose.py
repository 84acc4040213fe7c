"""Data passed between the networks."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor


class Pose(NamedTuple):
    """``Keypoints`` as tensors, batch first: (B, K, 2), (B, K, 2, 2), (B, L, 2); float32, crop units."""

    points: Tensor
    jacobians: Tensor
    landmarks: Tensor


def apply_to_both(work: Callable[[Tensor], Tensor], source: Tensor, driving: Tensor) -> tuple[Tensor, Tensor]:
    """Apply ``work`` to source (n, ...) and driving (B, ...) in one batch, which halves the graph's nodes."""
    done = work(torch.cat([source, driving]))
    return done[: len(source)], done[len(source) :]


class Movement(NamedTuple):
    """Output of the motion network at 64 x 64, or the same crop of all five maps.

    ``flow`` (B, H, W, 2) crop units: position in the source of each driving pixel; ``occlusion``
    (B, 2, H, W) in [0, 1], 1 where visible in the source, for the features at 64 and at 128; ``condition``
    (B, C, H, W); ``window`` (B, 1, H, W) in [0, 1]: where the picture may change; ``openings`` (B, 16, H, W)
    in [0, 1]: mouth and eyes of both faces at 128 x 128, with the 2 x 2 pixels of each cell as channels.
    """

    flow: Tensor
    occlusion: Tensor
    condition: Tensor
    window: Tensor
    openings: Tensor
