"""Pairs of training frames, and crops of pictures."""

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
    flips = torch.rand(batch, device=device) < 0.5
    (source, source_landmarks), (driving, driving_landmarks) = (
        mirror(*sampler.frames(rows), flips) for rows in sampler.rows(batch)
    )
    source, driving = jitter_colours([source, driving])
    with torch.no_grad(), torch.autocast(device.type, torch.bfloat16):
        points, jacobians = detector(functional.avg_pool2d(torch.cat([source, driving]), 4))
    source_pose = Pose(points[:batch], jacobians[:batch], source_landmarks)
    driving_pose = Pose(points[batch:], jacobians[batch:], loosen_lips(driving_landmarks))
    return source, driving, source_pose, driving_pose


def boxes_around(centres: Tensor, size: int, side: int, aimed: float) -> Tensor:
    """Left and top (B, 2) in pixels of boxes around ``centres`` (B, 2).

    A share of ``1 - aimed`` is placed anywhere.
    """
    room = size - side
    corners = ((centres + 1) / 2 * size - side / 2).round()
    anywhere = torch.rand(len(centres), 2, device=centres.device) * room
    chosen = torch.where(torch.rand(len(centres), 1, device=centres.device) < aimed, corners, anywhere)
    return chosen.clamp(0, room).floor()


def crop_boxes(picture: Tensor, corners: Tensor, side: int) -> Tensor:
    """Squares of (B, C, H, W) with these left upper corners, whole pixels (B, 2): float32 (B, C, side, side).

    Sampled at the centres of pixels, so that corners on a GPU need no synchronisation.
    """
    height, width = picture.shape[2:]
    steps = torch.arange(side, device=picture.device) + 0.5
    x, y = ((corner[:, None] + steps) * 2 for corner in corners.unbind(1))
    grid = torch.stack(
        [
            (x / width - 1)[:, None, :].expand(-1, side, -1),
            (y / height - 1)[:, :, None].expand(-1, -1, side),
        ],
        -1,
    )
    return functional.grid_sample(picture.float(), grid, align_corners=False)
