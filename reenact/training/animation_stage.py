"""Second stage: motion network, encoder and decoder learn to turn one frame of a clip into another."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from reenact.generator.network import Rendered
from reenact.landmarks import EYES_SLICE, MOUTH_SLICE
from reenact.layers.pose import Pose
from reenact.training.augment import jitter_colours, mirror
from reenact.training.checkpoint import Model
from reenact.training.loop import Losses
from reenact.training.losses import PerceptualLoss, alpha_loss, expression_weight, weighted_l1
from reenact.training.sampler import PairSampler


@dataclass(frozen=True)
class LossWeights:
    """What each part of the loss counts."""

    perceptual: float = 1.0
    l1: float = 10.0
    expression: float = 20.0  # L1 around eyes and mouth
    copied: float = 4.0  # L1 of the warped source alone: teaches the flow early
    alpha: float = 0.02
    crop: int = 96  # pixels; side of the full-resolution view of the perceptual loss


class Animator(nn.Module):
    """The networks that this stage trains, as one forward pass; the detector stays as it is."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.motion, self.encoder, self.decoder = model.motion, model.encoder, model.decoder

    def forward(self, image: Tensor, source: Pose, driving: Pose) -> Rendered:
        """(B, 3, 256, 256) and two poses -> the source in the driving's pose."""
        motion = self.motion(functional.avg_pool2d(image, 4), source, driving)
        rendered: Rendered = self.decoder(image, self.encoder(image), source, driving, motion)
        return rendered


class AnimationStage:
    """One step: a pair of frames, reconstructed."""

    def __init__(
        self,
        model: Model,
        animator: nn.Module,
        sampler: PairSampler,
        perceptual: PerceptualLoss,
        *,
        batch: int,
        device: torch.device,
        weights: LossWeights | None = None,
    ) -> None:
        """``animator`` is ``Animator(model)``, compiled or not; ``perceptual`` must be on the device."""
        self.model, self.animator, self.sampler, self.perceptual = model, animator, sampler, perceptual
        self.batch, self.device, self.weights = batch, device, weights or LossWeights()
        model.detector.eval().requires_grad_(False)

    def draw(self) -> tuple[Tensor, Tensor, Pose, Pose]:
        """Source and driving pictures (B, 3, 256, 256) with the same flip and colours, and their poses."""
        source_rows, driving_rows = self.sampler.rows(self.batch)
        flips = torch.rand(self.batch, device=self.device) < 0.5
        source, source_landmarks = mirror(
            self.sampler.pictures(source_rows), self.sampler.landmarks[source_rows], flips
        )
        driving, driving_landmarks = mirror(
            self.sampler.pictures(driving_rows), self.sampler.landmarks[driving_rows], flips
        )
        source, driving = jitter_colours([source, driving])
        with torch.no_grad(), torch.autocast(self.device.type, torch.bfloat16):
            points, jacobians = self.model.detector(functional.avg_pool2d(torch.cat([source, driving]), 4))
        source_pose = Pose(points[: self.batch], jacobians[: self.batch], source_landmarks)
        driving_pose = Pose(points[self.batch :], jacobians[self.batch :], driving_landmarks)
        return source, driving, source_pose, driving_pose

    def __call__(self) -> Losses:
        """Losses of one batch; ``loss`` is their weighted sum."""
        source, driving, source_pose, driving_pose = self.draw()
        with torch.autocast(self.device.type, torch.bfloat16):
            out = self.animator(source, source_pose, driving_pose)
            perceptual = self._perceptual(out.rgb, driving, driving_pose)
        expression = expression_weight(driving_pose.landmarks, driving)
        losses = {
            "perceptual": perceptual,
            "l1": (out.rgb - driving).abs().mean(),
            "expression": weighted_l1(out.rgb, driving, expression),
            "copied": (out.copied - driving).abs().mean(),
            "alpha": alpha_loss(out.alpha, out.copied, out.rgb, driving),
        }
        total = torch.stack([getattr(self.weights, name) * value for name, value in losses.items()]).sum()
        with torch.no_grad():
            static = (source - driving).abs().mean()
        return {"loss": total, **losses, "static": static}

    def _perceptual(self, generated: Tensor, real: Tensor, pose: Pose) -> Tensor:
        """A view of the whole at 64 pixels, and a crop at full resolution, mostly on eyes or mouth."""
        whole = self.perceptual(functional.avg_pool2d(generated, 4), functional.avg_pool2d(real, 4))
        boxes = self._crops(pose.landmarks, real.shape[-1])
        crop = self.perceptual(
            _cut(generated, boxes, self.weights.crop), _cut(real, boxes, self.weights.crop), 3
        )
        return torch.add(whole, crop)

    def _crops(self, landmarks: Tensor, size: int) -> list[tuple[int, int]]:
        """Left and top of each row's crop in pixels."""
        part = MOUTH_SLICE if torch.rand(()) < 0.5 else EYES_SLICE
        room = size - self.weights.crop
        centres = ((landmarks[:, part].mean(1) + 1) / 2 * size - self.weights.crop / 2).round()
        anywhere = torch.rand(len(landmarks), 2, device=landmarks.device) * room
        chosen = torch.where(torch.rand(len(landmarks), 1, device=landmarks.device) < 0.75, centres, anywhere)
        corners: list[list[int]] = chosen.clamp(0, room).long().tolist()
        return [(left, top) for left, top in corners]


def _cut(picture: Tensor, boxes: list[tuple[int, int]], side: int) -> Tensor:
    rows = [
        row[:, top : top + side, left : left + side] for row, (left, top) in zip(picture, boxes, strict=True)
    ]
    return torch.stack(rows)
