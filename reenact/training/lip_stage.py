"""The lip network learns from a better landmarker, on mouths cut out as ``reenact.face.mesh`` cuts them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from reenact.errors import SetupError
from reenact.face.mesh import MOUTH, square_around_lips
from reenact.face.network import SIZE, LipNetwork
from reenact.face.sample import Square, sample
from reenact.layers.geometry import pixel_grid
from reenact.training.augment import jitter_colours
from reenact.training.dataset import SIZE as FRAME
from reenact.training.dataset import TAUGHT, Pack
from reenact.training.loop import Losses

ROOM, PATCH = 1.5, 128  # each mouth is kept larger than it is shown, as (128, 128), to be turned and shifted
SHIFT, SCALE, TURN = 0.06, 0.12, 0.15  # standard deviations of shift and log scale; largest turn in radians
MIRRORED = [MOUTH.index(index) for index in (
    *(291, 409, 270, 269, 267, 0, 37, 39, 40, 185, 61), *(375, 321, 405, 314, 17, 84, 181, 91, 146),
    *(308, 415, 310, 311, 312, 13, 82, 81, 80, 191, 78), *(324, 318, 402, 317, 14, 87, 178, 88, 95),
    *(18, 200, 199, 175, 152, 400, 377, 148, 176),
)]  # fmt: skip


class LipStage:
    """One step: mouths shifted, scaled, turned, mirrored and recoloured; L1 to the landmarker's points."""

    def __init__(self, network: LipNetwork, folder: Path, *, batch: int, device: torch.device) -> None:
        """``folder`` is a pack with ``taught.npy``; raises SetupError where that is missing."""
        self.network, self.batch, self.device = network, batch, device
        self.patches, self.points = (torch.from_numpy(part).to(device) for part in cut_mouths(folder))

    def __call__(self) -> Losses:
        """Losses of one batch; ``loss`` counts the inner lips' opening once more."""
        picture, truth = self.draw()
        with torch.autocast(self.device.type, torch.bfloat16):
            found = self.network(picture)
        distance = (found.float() - truth).abs().mean()
        opening = (_openings(found.float()) - _openings(truth)).abs().mean()
        return {"loss": distance + opening, "points": distance * SIZE, "opening": opening * SIZE}

    def draw(self) -> tuple[Tensor, Tensor]:
        """Mouths (B, 3, 64, 64) in [0, 1] and their points (B, P, 2) in [0, 1] across them."""
        rows = torch.randint(len(self.patches), (self.batch,), device=self.device)
        patch = self.patches[rows].permute(0, 3, 1, 2).float() / 255
        linear, shift = _random_views(self.batch, self.device)
        grid = pixel_grid(torch.empty(SIZE, SIZE, device=self.device)).reshape(1, -1, 2)
        seen = (grid @ linear.mT + shift).view(-1, SIZE, SIZE, 2)
        picture = functional.grid_sample(patch, seen, mode="bilinear", align_corners=False)
        truth = (self.points[rows] - shift) @ torch.linalg.inv(linear).mT
        flips = torch.rand(self.batch, 1, 1, device=self.device) < 0.5
        picture = torch.where(flips[..., None], picture.flip(3), picture)
        mirrored = truth[:, MIRRORED] * torch.tensor([-1.0, 1.0], device=self.device)
        (picture,) = jitter_colours([picture], 0.4)
        return picture, (torch.where(flips, mirrored, truth) + 1) / 2


def cut_mouths(folder: Path) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Mouths (M, 128, 128, 3), with room around, and their points (M, P, 2) in [-1, 1] across them.

    Raises:
        SetupError: the pack was not labelled (``reenact train label``).
    """
    if not (folder / TAUGHT).is_file():
        raise SetupError(f"The pack {folder} has no {TAUGHT}; make it with `reenact train label`.")
    pack, taught = Pack(folder), np.load(folder / TAUGHT)
    rows = np.flatnonzero(np.isfinite(taught[:, 0, 0]))
    patches = np.empty((len(rows), PATCH, PATCH, 3), np.uint8)
    points = np.empty((len(rows), len(MOUTH), 2), np.float32)
    for place, row in enumerate(rows):
        mesh, truth = ((pack_[row].astype(np.float32) + 1) / 2 * FRAME for pack_ in (pack.landmarks, taught))
        square = square_around_lips(mesh)
        square = Square(square.x, square.y, square.side * ROOM, square.angle)
        patches[place] = sample(pack.frames[row], square, PATCH)
        points[place] = square.from_pixels(truth[MOUTH]) * 2 - 1
    return patches, points


def _random_views(batch: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """What of a patch is shown: maps of the unit square, (B, 2, 2) and (B, 1, 2)."""
    turn = (torch.rand(batch, device=device) * 2 - 1) * TURN
    size = torch.exp(torch.randn(batch, device=device) * SCALE) / ROOM
    cos, sin = torch.cos(turn) * size, torch.sin(turn) * size
    linear = torch.stack([torch.stack([cos, -sin], -1), torch.stack([sin, cos], -1)], -2)
    return linear, torch.randn(batch, 1, 2, device=device) * SHIFT


def _openings(points: Tensor) -> Tensor:
    """Upper to lower inner lip at seven places: (B, 7, 2)."""
    upper = [MOUTH.index(index) for index in (80, 81, 82, 13, 312, 311, 310)]
    lower = [MOUTH.index(index) for index in (88, 178, 87, 14, 317, 402, 318)]
    return points[:, lower] - points[:, upper]
