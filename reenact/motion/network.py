"""Dense motion: from keypoints of two frames to where every pixel comes from (FOMM, section 3.2)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from reenact.layers.blocks import Hourglass, Same
from reenact.layers.geometry import full_precision, gaussians, inverse_2x2, multiply_2x2, pixel_grid, warp
from reenact.layers.openings import openings
from reenact.layers.pose import Movement, Pose, apply_to_both
from reenact.layers.window import head_window

POINT_VARIANCE = 0.01  # of a learned keypoint's gaussian, crop units squared (FOMM)
LANDMARK_VARIANCE = 0.0015  # narrow: lids and lips lie close together


@dataclass(frozen=True)
class MotionConfig:
    """Size of the motion network."""

    keypoints: int = 10  # K
    landmarks: int = 31  # L
    width: int = 24  # channels of the hourglass before its first level
    levels: int = 4
    widest: int = 160
    condition: int = 48  # channels handed to the decoder


class DenseMotion(nn.Module):
    """Source picture and two poses -> flow, occlusion and what the decoder should know of the pose."""

    def __init__(self, config: MotionConfig) -> None:
        super().__init__()
        self.config = config
        candidates = 1 + config.keypoints + config.landmarks
        inputs = 3 * (1 + config.keypoints) + config.keypoints + config.landmarks + 2
        self.hourglass = Hourglass(inputs, config.width, config.levels, config.widest)
        self.mask = nn.Conv2d(self.hourglass.outputs, candidates, 3, padding=1)
        self.occlusion = nn.Conv2d(self.hourglass.outputs, 2, 3, padding=1)
        self.condition = Same(self.hourglass.outputs + 2 * config.landmarks + 2, config.condition)

    def forward(self, source: Tensor, source_pose: Pose, driving: Pose) -> Movement:
        """Estimate the motion.

        Args:
            source: (B, 3, 64, 64) RGB in [0, 1], or (1, 3, 64, 64) for the whole batch.
            source_pose: pose of the source; a leading 1 serves the whole batch.
            driving: pose to take.

        Returns:
            The movement of all 64 x 64 pixels; outside the heads the flow stays.
        """
        grid = pixel_grid(source)
        turns, shifts = self._candidates(source_pose, driving)
        source_heat, driving_heat = apply_to_both(
            lambda landmarks: gaussians(landmarks, grid, LANDMARK_VARIANCE),
            source_pose.landmarks,
            driving.landmarks,
        )
        had, has = apply_to_both(
            lambda points: gaussians(points, grid, POINT_VARIANCE), source_pose.points, driving.points
        )
        copied = slice(1 + self.config.keypoints)
        copies = self._copies(source, _apply_affine(grid, turns[:, copied], shifts[:, copied]))
        place = grid.permute(2, 0, 1).expand(driving.points.shape[0], -1, -1, -1)
        features = self.hourglass(torch.cat([copies, has - had, driving_heat - source_heat, place], 1))
        mask, occlusion = self._heads(features)
        flow = _mix_affine(grid, turns, shifts, mask.float())
        shift = (flow - grid).permute(0, 3, 1, 2)
        heat = [driving_heat, source_heat.expand_as(driving_heat)]
        condition = self.condition(torch.cat([features, *heat, shift], 1))
        window = head_window(source_pose.landmarks, driving.landmarks, grid)
        held = grid + (flow - grid) * window.permute(0, 2, 3, 1)
        shown = _openings(driving, source_pose, 2 * source.shape[2], 2 * source.shape[3])
        return Movement(held, torch.sigmoid(occlusion), condition, window, shown)

    def _heads(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Both convolutions at once: what they see is large, and the second gives two channels only."""
        heads = (self.mask, self.occlusion)
        weight, bias = (torch.cat([getattr(head, name) for head in heads]) for name in ("weight", "bias"))
        found = functional.conv2d(features, weight, bias, padding=1)
        return found[:, : len(self.mask.weight)], found[:, len(self.mask.weight) :]

    @staticmethod
    def _candidates(source: Pose, driving: Pose) -> tuple[Tensor, Tensor]:
        """Affine maps of the grid, turns (B, 1 + K + L, 2, 2) and shifts (B, 1 + K + L, 2).

        Staying put, equation 4 for each keypoint, a shift for each landmark.
        """
        affine = multiply_2x2(source.jacobians, inverse_2x2(driving.jacobians))
        moved = source.points - _matvec(affine, driving.points)
        still = torch.eye(2, device=moved.device, dtype=moved.dtype)

        def unturned(count: int) -> Tensor:
            return still.expand(moved.shape[0], count, 2, 2)

        turns = torch.cat([unturned(1), affine, unturned(driving.landmarks.shape[1])], 1)
        stay = torch.zeros_like(moved[:, :1])
        return turns, torch.cat([stay, moved, source.landmarks - driving.landmarks], 1)

    @staticmethod
    def _copies(source: Tensor, candidates: Tensor) -> Tensor:
        """The source moved by each candidate (B, 2, n, H, W): (B, n * 3, H, W)."""
        count, height = candidates.shape[2:4]
        moved = warp(source, candidates.flatten(2, 3).permute(0, 2, 3, 1))
        return moved.reshape(-1, 3, count, height, moved.shape[3]).transpose(1, 2).flatten(1, 2)


def _openings(driving: Pose, source: Pose, height: int, width: int) -> Tensor:
    """Of both faces, each 2 x 2 pixels as channels: (B, 16, height / 2, width / 2)."""
    grid = pixel_grid(driving.landmarks.new_empty(height, width))
    had, has = apply_to_both(lambda landmarks: openings(landmarks, grid), source.landmarks, driving.landmarks)
    return functional.pixel_unshuffle(torch.cat([has, had.expand_as(has)], 1), 2)


def _matvec(turns: Tensor, places: Tensor) -> Tensor:
    """Matrices (..., 2, 2) times vectors (..., 2), written out."""
    return turns[..., 0] * places[..., :1] + turns[..., 1] * places[..., 1:]


def _apply_affine(grid: Tensor, turns: Tensor, shifts: Tensor) -> Tensor:
    """A grid (H, W, 2) through n affine maps: planes of x and of y, (B, 2, n, H, W)."""
    x, y = grid.unbind(-1)
    across, down, shift = (
        column.transpose(1, 2)[..., None, None] for column in (*turns.unbind(-1), shifts)
    )  # (B, 2, n, 1, 1)
    return across * x + down * y + shift


def _mix_affine(grid: Tensor, turns: Tensor, shifts: Tensor, logits: Tensor) -> Tensor:
    """The grid through a mixture of n maps, weighed by the softmax of (B, n, H, W): (B, H, W, 2).

    A mixture of affine maps is an affine map, so the coefficients are mixed (one matrix product) and not n
    grids of coordinates. A row of ones among them gives the sum that the softmax divides by.
    """
    ones = torch.ones_like(shifts[..., :1])
    maps = torch.cat([*turns.unbind(-1), shifts, ones], -1).transpose(1, 2)  # (B, 7, n)
    weights = (logits - logits.amax(1, keepdim=True)).exp()
    with full_precision(grid):
        mixed = (maps @ weights.flatten(2)).reshape(-1, maps.shape[1], *logits.shape[2:])
    x, y = grid.unbind(-1)
    moved = mixed[:, :2] * x + mixed[:, 2:4] * y + mixed[:, 4:6]
    return (moved / mixed[:, 6:]).permute(0, 2, 3, 1)
