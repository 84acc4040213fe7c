"""A landmark loss: distance of lips, lids and irises between generated and real face.

An L1 loss of pixels hardly penalises a closed mouth that should open by three pixels; a landmark loss does.
The networks are the product's own (``reenact.face.parts``), frozen.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from reenact.face.network import PointNetwork
from reenact.face.parts import LEFT_CORNERS, LEFT_EYE, LIPS, RIGHT_CORNERS, RIGHT_EYE, Part
from reenact.landmarks import MESH_INDICES, MOUTH_SLICE, OUTLINE
from reenact.layers.constant import constant
from reenact.layers.geometry import pixel_grid
from reenact.training.point_run import load_points
from reenact.training.point_stage import opening_vectors

# Standard deviations of a square's position, as a share of half its side, and of the log of its side.
SHIFT, SCALE = 0.06, 0.08
TO_CHIN = 0.15  # centre of the lip network's view, as a share of the way from lips to chin
_FOREHEAD, _CHIN, _RIGHT_CHEEK, _LEFT_CHEEK = (MESH_INDICES.index(index) for index in OUTLINE[1:5])


class PointsLoss(nn.Module):
    """Distance of lips, lids and irises of two faces, as located by the product's networks."""

    def __init__(self, folder: Path) -> None:
        """``folder`` holds ``lips.onnx`` and ``eye.onnx``; raises WeightsBroken if they do not."""
        super().__init__()
        self.lips, self.eye = (
            load_points(folder / f"{part.graph}.onnx", part.graph).eval() for part in (LIPS, RIGHT_EYE)
        )
        self.requires_grad_(False)

    def forward(self, generated: Tensor, real: Tensor, landmarks: Tensor) -> Tensor:
        """Distance of the points plus difference of the openings of mouth and eyes.

        Both are mean absolute differences in pixels of the networks' view (64 across a part).

        Args:
            generated: (B, 3, H, W) in [0, 1].
            real: the same, of the same person in the same pose.
            landmarks: (B, L, 2) crop units, of that pose.
        """
        parts = ((LIPS, self.lips), (RIGHT_EYE, self.eye), (LEFT_EYE, self.eye))
        return torch.stack([_apart(*part, generated, real, landmarks) for part in parts]).mean()


def _apart(part: Part, network: PointNetwork, generated: Tensor, real: Tensor, landmarks: Tensor) -> Tensor:
    """The loss of one part, in a square with random jitter."""
    grid = square_grid(part, landmarks, torch.randn(len(landmarks), 3, device=landmarks.device))
    with torch.no_grad():
        truth = network(functional.grid_sample(real, grid, align_corners=False))
    found = network(functional.grid_sample(generated, grid, align_corners=False))
    places = (found - truth).abs().mean()
    gaps = (opening_vectors(found, part.graph) - opening_vectors(truth, part.graph)).abs().mean()
    return torch.add(places, gaps) * part.size


def square_grid(part: Part, landmarks: Tensor, noise: Tensor) -> Tensor:
    """Sampling grid of a part's network: ``Part.square``, approximated from fewer landmarks.

    Args:
        part: of the face, not ``FACE``.
        landmarks: (B, L, 2) crop units.
        noise: (B, 3), jitter of the square's size and position, in standard deviations.

    Returns:
        (B, S, S, 2) crop units.
    """
    right, left = (
        landmarks[:, constant(tuple(MESH_INDICES.index(index) for index in corners), landmarks.device)]
        for corners in (RIGHT_CORNERS, LEFT_CORNERS)
    )
    chin = landmarks[:, _CHIN]
    if part is LIPS:
        mouth = landmarks[:, MOUTH_SLICE].mean(1)
        centre = mouth + TO_CHIN * (chin - mouth)
    else:
        centre = (left if part is LEFT_EYE else right).mean(1)
    tall = (chin - landmarks[:, _FOREHEAD]).norm(dim=-1)
    wide = (landmarks[:, _LEFT_CHEEK] - landmarks[:, _RIGHT_CHEEK]).norm(dim=-1)
    half = part.share / 2 * torch.maximum(tall, wide) * torch.exp(SCALE * noise[:, 0])
    across = half[:, None] * functional.normalize(left[:, 0] - right[:, 0], dim=-1)
    down = torch.stack([-across[:, 1], across[:, 0]], -1)
    centre = centre + SHIFT * (noise[:, 1:2] * across + noise[:, 2:] * down)
    x, y = pixel_grid(torch.empty(part.size, part.size, device=landmarks.device)).unbind(-1)
    x = -x if part.mirrored else x
    return centre[:, None, None] + x[..., None] * across[:, None, None] + y[..., None] * down[:, None, None]
