"""Train the networks of parts of a face on a better landmarker's points; crops as in ``reenact.face``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from reenact.errors import SetupError
from reenact.face.network import PointNetwork
from reenact.face.parts import PARTS, Part
from reenact.face.square_sampling import Square, sample_square
from reenact.layers.constant import constant
from reenact.layers.geometry import pixel_grid
from reenact.training.augment import jitter_colours
from reenact.training.dataset import SIZE as FRAME
from reenact.training.dataset import TAUGHT, Pack
from reenact.training.loop import Losses

ROOM = 1.5  # side of a stored crop over that of the network's view: room to rotate and shift
SHIFT, SCALE, TURN = 0.06, 0.12, 0.15  # standard deviations of shift and log scale; largest turn in radians
BLURRED, NOISE = 0.3, 0.04  # share of pictures at half resolution; largest deviation of the noise
# Pairs of mesh points whose distance is a further loss: inner lips at seven places, lids at five.
OPENINGS = {
    "lips": ((80, 88), (81, 178), (82, 87), (13, 14), (312, 317), (311, 402), (310, 318)),
    "eye": ((161, 163), (160, 144), (159, 145), (158, 153), (157, 154)),
    "face": (),
}


def parts_of(graph: str) -> list[Part]:
    """The parts whose points one network locates."""
    return [part for part in PARTS if part.graph == graph]


class PointStage:
    """One step: L1 to the true points on crops that are warped, mirrored, blurred and recoloured."""

    def __init__(
        self, network: PointNetwork, graph: str, folder: Path, *, batch: int, device: torch.device
    ) -> None:
        """``folder`` is a pack with ``taught.npy``; raises SetupError where that is missing."""
        self.network, self.batch, self.device = network, batch, device
        self.part = parts_of(graph)[0]
        cuts = [extract_part_crops(folder, part) for part in parts_of(graph)]
        self.patches, self.points = (
            torch.from_numpy(np.concatenate(side)).to(device) for side in zip(*cuts, strict=True)
        )

    def __call__(self) -> Losses:
        """Losses of one batch; ``loss`` adds an L1 of the opening of lips or lids."""
        picture, truth = self.draw()
        with torch.autocast(self.device.type, torch.bfloat16):
            found = self.network(picture).float()
        distance = (found - truth).abs().mean()
        wide = opening_vectors(truth, self.part.graph)
        opening = (opening_vectors(found, self.part.graph) - wide).abs().sum() / max(1, wide.numel())
        return {
            "loss": distance + opening,
            "points": distance * self.part.size,
            "opening": opening * self.part.size,
        }

    def draw(self) -> tuple[Tensor, Tensor]:
        """Crops (B, 3, S, S) in [0, 1] and their points (B, P, 2) in [0, 1] across them."""
        rows = torch.randint(len(self.patches), (self.batch,), device=self.device)
        patch, size = self.patches[rows].permute(0, 3, 1, 2).float() / 255, self.part.size
        linear, shift = _random_views(self.batch, self.device)
        grid = pixel_grid(torch.empty(size, size, device=self.device)).reshape(1, -1, 2)
        seen = (grid @ linear.mT + shift).view(-1, size, size, 2)
        picture = functional.grid_sample(patch, seen, mode="bilinear", align_corners=False)
        truth = (self.points[rows] - shift) @ torch.linalg.inv(linear).mT
        picture, truth = self._mirrored(_blurred(picture), truth)
        (picture,) = jitter_colours([picture], 0.4)
        noise = torch.rand(self.batch, 1, 1, 1, device=self.device) * NOISE
        return (picture + torch.randn_like(picture) * noise).clamp(0, 1), (truth + 1) / 2

    def _mirrored(self, picture: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
        """Mirror half of the pictures, if the part is symmetric."""
        if self.part.partners is None:
            return picture, truth
        flips = torch.rand(self.batch, 1, 1, device=self.device) < 0.5
        mirrored = truth[:, list(self.part.partners)] * torch.tensor([-1.0, 1.0], device=self.device)
        return torch.where(flips[..., None], picture.flip(3), picture), torch.where(flips, mirrored, truth)


def opening_vectors(points: Tensor, graph: str) -> Tensor:
    """Vectors from upper to lower point of each opening, (B, O, 2), of a network's points (B, P, 2)."""
    places = parts_of(graph)[0].points
    upper, lower = (tuple(places.index(pair[rim]) for pair in OPENINGS[graph]) for rim in (0, 1))
    return points[:, constant(lower, points.device)] - points[:, constant(upper, points.device)]


def extract_part_crops(folder: Path, part: Part) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Crops of a part of every labelled frame (M, side, side, 3), with a margin; points (M, P, 2) in [-1, 1].

    Raises:
        SetupError: the pack was not labelled (``reenact train label``).
    """
    if not (folder / TAUGHT).is_file():
        raise SetupError(f"The pack {folder} has no {TAUGHT}; make it with `reenact train label`.")
    pack, taught = Pack(folder, taught=False), np.load(folder / TAUGHT)
    rows, side = np.flatnonzero(np.isfinite(taught[:, 0, 0])), round(part.size * ROOM)
    patches = np.empty((len(rows), side, side, 3), np.uint8)
    points = np.empty((len(rows), len(part.points), 2), np.float32)
    for place, row in enumerate(rows):
        mesh, truth = (
            (values[row].astype(np.float32) + 1) / 2 * FRAME for values in (pack.landmarks, taught)
        )
        square = part.square(mesh)
        square = Square(square.x, square.y, square.side * ROOM, square.angle)
        patches[place] = part.network_view(sample_square(pack.frames[row], square, side))
        points[place] = part.mirror(square.from_pixels(truth[list(part.points)])) * 2 - 1
    return patches, points


def _blurred(picture: Tensor) -> Tensor:
    """Some of the pictures at half resolution."""
    half = functional.interpolate(functional.avg_pool2d(picture, 2), scale_factor=2, mode="bilinear")
    return torch.where(torch.rand(len(picture), 1, 1, 1, device=picture.device) < BLURRED, half, picture)


def _random_views(batch: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Random affine views of a stored crop: linear part (B, 2, 2) and shift (B, 1, 2)."""
    turn = (torch.rand(batch, device=device) * 2 - 1) * TURN
    size = torch.exp(torch.randn(batch, device=device) * SCALE) / ROOM
    cos, sin = torch.cos(turn) * size, torch.sin(turn) * size
    linear = torch.stack([torch.stack([cos, -sin], -1), torch.stack([sin, cos], -1)], -2)
    return linear, torch.randn(batch, 1, 2, device=device) * SHIFT
