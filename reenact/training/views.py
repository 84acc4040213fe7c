"""Pairs of frames as the stages see them, and parts of pictures."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from reenact.layers.pose import Pose
from reenact.training.augment import jitter_colours, loosen_lips, mirror
from reenact.training.sampler import PairSampler


def draw_pairs(sampler: PairSampler, detector: nn.Module, batch: int) -> tuple[Tensor, Tensor, Pose, Pose]:
    """Source and driving pictures (B, 3, 256, 256) with the same flip and colours, and their poses."""
    device = sampler.landmarks.device
    source_rows, driving_rows = sampler.rows(batch)
    flips = torch.rand(batch, device=device) < 0.5
    source, source_landmarks = mirror(sampler.pictures(source_rows), sampler.landmarks[source_rows], flips)
    driving, driving_landmarks = mirror(
        sampler.pictures(driving_rows), sampler.landmarks[driving_rows], flips
    )
    source, driving = jitter_colours([source, driving])
    with torch.no_grad(), torch.autocast(device.type, torch.bfloat16):
        points, jacobians = detector(functional.avg_pool2d(torch.cat([source, driving]), 4))
    source_pose = Pose(points[:batch], jacobians[:batch], source_landmarks)
    driving_pose = Pose(points[batch:], jacobians[batch:], loosen_lips(driving_landmarks))
    return source, driving, source_pose, driving_pose


def boxes_around(centres: Tensor, size: int, side: int, aimed: float) -> list[list[int]]:
    """Left and top in pixels of boxes around ``centres`` (B, 2); a share of ``1 - aimed`` lies anywhere."""
    room = size - side
    corners = ((centres + 1) / 2 * size - side / 2).round()
    anywhere = torch.rand(len(centres), 2, device=centres.device) * room
    chosen = torch.where(torch.rand(len(centres), 1, device=centres.device) < aimed, corners, anywhere)
    boxes: list[list[int]] = chosen.clamp(0, room).long().tolist()
    return boxes


def cut(picture: Tensor, boxes: list[list[int]], side: int) -> Tensor:
    """Squares of (B, C, H, W) with these left upper corners: (B, C, side, side)."""
    rows = [
        row[:, top : top + side, left : left + side] for row, (left, top) in zip(picture, boxes, strict=True)
    ]
    return torch.stack(rows)
