"""First stage: train the keypoint detector on a teacher's labels and for equivariance."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from reenact.keypoints.network import KeypointNetwork
from reenact.training.augment import RandomWarp, jitter_colours
from reenact.training.dataset import Pack
from reenact.training.loop import Losses
from reenact.training.losses import equivariance_loss
from reenact.training.sampler import PairSampler


class KeypointStage:
    """One step: regression to the teacher on jittered pictures; equivariance on warped ones."""

    def __init__(
        self,
        detector: KeypointNetwork,
        pack: Pack,
        teacher: dict[str, NDArray[np.float32]],
        *,
        batch: int,
        device: torch.device,
    ) -> None:
        """``teacher`` has ``points`` (N, 2, K, 2) and ``jacobians`` (N, 2, K, 2, 2): plain and mirrored."""
        self.detector, self.batch, self.device = detector, batch, device
        self.sampler = PairSampler(pack, device, on_device=device.type != "cpu")
        self.points = torch.from_numpy(teacher["points"].astype(np.float32)).to(device)
        self.jacobians = torch.from_numpy(teacher["jacobians"].astype(np.float32)).to(device)

    def __call__(self) -> Losses:
        """Losses of one batch; ``loss`` is their weighted sum."""
        rows, _ = self.sampler.rows(self.batch)
        flips = torch.rand(self.batch, device=self.device) < 0.5
        picture = functional.avg_pool2d(self.sampler.frames(rows)[0], 4)
        picture = torch.where(flips[:, None, None, None], picture.flip(3), picture)
        (picture,) = jitter_colours([picture])
        warp = RandomWarp(self.batch, self.device)
        with torch.autocast(self.device.type, torch.bfloat16):
            points, jacobians = self.detector(torch.cat([picture, warp.apply(picture)]))
        mirrored = flips.long().cpu().numpy()
        taught = self._against_teacher(points, jacobians, rows, mirrored)
        halves = points.chunk(2), jacobians.chunk(2)
        equivariance = equivariance_loss(halves[0][0], halves[1][0], halves[0][1], halves[1][1], warp)
        return {
            "loss": 10 * taught[0] + taught[1] + equivariance,
            "points": taught[0],
            "jacobians": taught[1],
        }

    def _against_teacher(
        self, points: Tensor, jacobians: Tensor, rows: NDArray[np.intp], mirrored: NDArray[np.int64]
    ) -> tuple[Tensor, Tensor]:
        half = self.batch
        return (
            (points[:half] - self.points[rows, mirrored]).abs().mean(),
            (jacobians[:half] - self.jacobians[rows, mirrored]).abs().mean(),
        )
