"""Inputs for tracing graphs and for comparing them with torch."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from reenact.export.graphs import split_detail, to_float
from reenact.training.checkpoint import Model

PICTURE = 256  # side of the networks' input in pixels


def example_inputs(model: Model, name: str, *, batch: int, side: int) -> tuple[Tensor, ...]:
    """Seeded inputs of the right shapes for a graph, in the order of its signature."""
    random = torch.Generator().manual_seed(0)
    motion, generator = model.config.motion, model.config.generator

    def pose(count: int) -> tuple[Tensor, Tensor, Tensor]:
        points, turns = example_points(count, motion.keypoints, random)
        return points, turns, torch.rand(count, motion.landmarks, 2, generator=random) * 1.2 - 0.6

    source = example_picture(1, PICTURE, random)
    if name == "keypoints":
        return (example_picture(batch, PICTURE, random),)
    if name == "encode":
        return (source,)
    if name == "compose":
        flow = torch.rand(batch, PICTURE // 2, PICTURE // 2, 2, generator=random) * 2 - 1
        painted, copied = (to_float(example_picture(batch, PICTURE, random)) for _ in range(2))
        rest, kept = split_detail(painted, painted.lerp(copied, 0.2))
        return example_picture(1, side, random), rest, kept, flow
    fine = torch.rand(1, generator.fine, 128, 128, generator=random)
    coarse = torch.rand(1, generator.coarse, 64, 64, generator=random)
    return source, fine, coarse, *pose(1), *pose(batch)


def example_picture(count: int, size: int, random: torch.Generator) -> Tensor:
    """Smooth pictures (count, size, size, 3) uint8."""
    coarse = torch.rand(count, 3, 8, 8, generator=random)
    smooth = nn.functional.interpolate(coarse, size=(size, size), mode="bicubic").clamp(0, 1)
    return (smooth * 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def example_points(count: int, keypoints: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Points (count, K, 2) and jacobians (count, K, 2, 2) close to identity."""
    points = torch.rand(count, keypoints, 2, generator=random) * 1.6 - 0.8
    return points, torch.eye(2) + 0.2 * torch.randn(count, keypoints, 2, 2, generator=random)
