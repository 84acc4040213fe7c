"""Augmentation of training pictures, on the device that holds them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from reenact.landmarks import MESH_INDICES, MIRRORED
from reenact.layers.constant import constant
from reenact.layers.geometry import pixel_grid

OUTER_RIMS = tuple(MESH_INDICES.index(index) for index in (0, 17))  # middles of upper and lower lip
LOOSE = 1.5 / 128  # crop units, standard deviation


def jitter_colours(pictures: list[Tensor], strength: float = 0.25) -> list[Tensor]:
    """The same random brightness, contrast, saturation and white balance for each list entry.

    Args:
        pictures: tensors (B, 3, H, W) in [0, 1]; row b of each gets the same change.
        strength: largest relative change.
    """
    batch, device = pictures[0].shape[0], pictures[0].device
    gain, contrast, saturation = (
        1 + (torch.rand(3, batch, 1, 1, 1, device=device) * 2 - 1) * strength
    ).unbind(0)
    balance = 1 + (torch.rand(batch, 3, 1, 1, device=device) * 2 - 1) * strength / 4

    def change(picture: Tensor) -> Tensor:
        grey = picture.mean(1, keepdim=True)
        coloured = (grey + (picture - grey) * saturation) * balance * gain
        return ((coloured - 0.5) * contrast + 0.5).clamp(0, 1)

    return [change(picture) for picture in pictures]


def mirror(picture: Tensor, landmarks: Tensor, which: Tensor) -> tuple[Tensor, Tensor]:
    """Flip some rows left to right.

    Args:
        picture: (B, 3, H, W).
        landmarks: (B, L, 2) crop units.
        which: (B,) bool, the rows to flip.
    """
    device = landmarks.device
    flipped = landmarks[:, constant(MIRRORED, device)] * constant((-1.0, 1.0), device)
    chosen = which[:, None, None]
    return torch.where(chosen[..., None], picture.flip(3), picture), torch.where(chosen, flipped, landmarks)


class RandomWarp:
    """A random affine and thin-plate warp for every row of a batch (FOMM, section 3.1).

    ``apply`` warps a picture. ``move`` maps points of the warped picture to the original; ``jacobian`` is
    the derivative of ``move``.
    """

    def __init__(
        self,
        batch: int,
        device: torch.device,
        *,
        affine: float = 0.05,
        bend: float = 0.005,
        controls: int = 5,
    ) -> None:
        """``affine`` and ``bend`` are standard deviations in crop units; ``controls`` is points per side."""
        noise = torch.randn(batch, 2, 3, device=device) * affine
        self.matrix = noise + torch.eye(2, 3, device=device)
        self.controls = pixel_grid(torch.empty(controls, controls, device=device)).reshape(1, -1, 2)
        self.weights = torch.randn(batch, 1, controls**2, device=device) * bend

    def apply(self, picture: Tensor) -> Tensor:
        """(B, 3, H, W) -> the same, warped."""
        grid = pixel_grid(picture)
        flow = self.move(grid.reshape(1, -1, 2).expand(picture.shape[0], -1, 2))
        return functional.grid_sample(
            picture,
            flow.view(-1, *grid.shape),
            mode="bilinear",
            padding_mode="reflection",
            align_corners=False,
        )

    def move(self, points: Tensor) -> Tensor:
        """(B, N, 2) -> (B, N, 2), crop units."""
        moved = points @ self.matrix[:, :, :2].mT + self.matrix[:, None, :, 2]
        distance = (points[:, :, None] - self.controls[:, None]).abs().sum(-1)
        bend = distance.square() * torch.log(distance + 1e-6) * self.weights
        return moved + bend.sum(-1, keepdim=True)

    def jacobian(self, points: Tensor) -> Tensor:
        """Derivative of ``move`` at (B, N, 2): (B, N, 2, 2), row = output coordinate."""
        with torch.enable_grad():
            at = points if points.requires_grad else points.detach().requires_grad_()
            moved = self.move(at)
            rows = [torch.autograd.grad(moved[..., i].sum(), at, create_graph=True)[0] for i in (0, 1)]
        return torch.stack(rows, -2)


def loosen_lips(landmarks: Tensor) -> Tensor:
    """Landmarks (B, L, 2) with noise on the outer rims of the lips.

    Outer and inner rims move together. Without noise a network may open mouths by the outer rims, which are
    tracked less well.
    """
    noise = torch.zeros_like(landmarks)
    for rim in OUTER_RIMS:
        noise[:, rim] = torch.randn_like(noise[:, rim]) * LOOSE
    return landmarks + noise
