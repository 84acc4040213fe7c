"""Keypoints as tensors: what travels between the networks."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Pose(NamedTuple):
    """``Keypoints`` as tensors, batch first: (B, K, 2), (B, K, 2, 2), (B, L, 2); float32, crop units."""

    points: Tensor
    jacobians: Tensor
    landmarks: Tensor
