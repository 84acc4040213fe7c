"""What travels between the networks."""

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
    """``work`` done to source (n, ...) and driving (B, ...) at once, which halves the nodes of a graph."""
    done = work(torch.cat([source, driving]))
    return done[: len(source)], done[len(source) :]


class Movement(NamedTuple):
    """What the motion network found, at 64 x 64 or a part of it, which may be cut out of all five alike.

    ``flow`` (B, H, W, 2) crop units: where each driving pixel lies in the source; ``occlusion`` (B, 2, H, W)
    in [0, 1], 1 where the source shows it, for the features at 64 and at 128; ``condition`` (B, C, H, W);
    ``window`` (B, 1, H, W) in [0, 1]: where anything may move or be painted at all; ``openings``
    (B, 16, H, W) in [0, 1]: mouth and eyes of both faces, at 128 x 128, each cell's 2 x 2 pixels as channels.
    """

    flow: Tensor
    occlusion: Tensor
    condition: Tensor
    window: Tensor
    openings: Tensor
