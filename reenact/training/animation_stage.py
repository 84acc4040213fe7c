"""Second stage: train motion network, encoder and decoder to reconstruct one frame from another."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from reenact.generator.network import Rendered
from reenact.landmarks import EYES_SLICE, MOUTH_SLICE
from reenact.layers.geometry import pixel_grid
from reenact.layers.openings import openings
from reenact.layers.pose import Pose
from reenact.training.checkpoint import Model
from reenact.training.frame_pairs import boxes_around, crop_boxes, draw_pairs
from reenact.training.loop import Losses
from reenact.training.losses import PerceptualLoss, expression_weight, gaps_l1, weighted_l1
from reenact.training.points_loss import PointsLoss
from reenact.training.sampler import PairSampler

CLOSED = 1.5 / 128  # crop units: half the height that is weighted where mouth or eyes are closed


@dataclass(frozen=True)
class LossWeights:
    """Weight of each term of the loss."""

    perceptual: float = 1.0
    l1: float = 10.0
    expression: float = 20.0  # L1 around eyes and mouth
    gaps: float = 20.0  # L1 inside mouth and eyes, independent of how far they are open
    copied: float = 4.0  # L1 of the warped source alone: trains the flow early
    points: float = 0.5  # landmarks of mouth and eyes, from the product's own networks
    identity: float = 3.0  # this and the next only if their networks are given
    likeness: float = 6.0
    crop: int = 96  # pixels; side of the full-resolution view of the perceptual loss
    face: int = 80  # pixels; side of its view of the face at half resolution

    def total(self, losses: Losses) -> Tensor:
        """Weighted sum of the losses."""
        return torch.stack([getattr(self, name) * value for name, value in losses.items()]).sum()


def judge(made: Rendered, real: Tensor, expression: Tensor, gaps: Tensor, perceptual: Tensor) -> Losses:
    """Losses of a rendered batch that every stage minimises.

    Args:
        made: output of the decoder.
        real: (B, 3, H, W) in [0, 1], the same size.
        expression: (B, 1, H, W), see ``expression_weight``.
        gaps: (B, 2, H, W), see ``gaps_of``.
        perceptual: the perceptual loss, of any view.
    """
    return {
        "perceptual": perceptual,
        "l1": (made.rgb - real).abs().mean(),
        "expression": weighted_l1(made.rgb, real, expression),
        "gaps": gaps_l1(made.rgb, real, gaps),
        "copied": (made.copied - real).abs().mean(),
    }


def gaps_of(landmarks: Tensor, like: Tensor) -> Tensor:
    """Maps of mouth and eyes at the size of ``like`` (B, 3, H, W), closed ones as lines: (B, 2, H, W)."""
    return openings(landmarks, pixel_grid(like), CLOSED)


class Animator(nn.Module):
    """The networks that this stage trains, as one forward pass; the detector is frozen."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.motion, self.encoder, self.decoder = model.motion, model.encoder, model.decoder

    def forward(self, image: Tensor, source: Pose, driving: Pose) -> Rendered:
        """(B, 3, 256, 256) and two poses -> the source in the driving pose."""
        motion = self.motion(functional.avg_pool2d(image, 4), source, driving)
        rendered: Rendered = self.decoder(image, self.encoder(image), source, driving, motion)
        return rendered


class AnimationStage:
    """One training step: reconstruct driving frames from source frames."""

    def __init__(
        self,
        model: Model,
        animator: nn.Module,
        sampler: PairSampler,
        perceptual: PerceptualLoss,
        points: PointsLoss,
        *,
        batch: int,
        device: torch.device,
        identity: nn.Module | None = None,
        likeness: nn.Module | None = None,
        weights: LossWeights | None = None,
    ) -> None:
        """``animator`` is ``Animator(model)``; the losses must be on the device.

        ``identity`` is an ``IdentityLoss`` and ``likeness`` a ``LikenessLoss``; these three may be compiled.
        """
        self.model, self.animator, self.sampler, self.perceptual = model, animator, sampler, perceptual
        self.points = points
        given = {"identity": identity, "likeness": likeness}
        self.recognisers = {name: network for name, network in given.items() if network is not None}
        self.batch, self.device, self.weights = batch, device, weights or LossWeights()
        model.detector.eval().requires_grad_(False)

    def draw(self) -> tuple[Tensor, Tensor, Pose, Pose]:
        """Source and driving pictures (B, 3, 256, 256) with the same flip and colours, and their poses."""
        return draw_pairs(self.sampler, self.model.detector, self.batch)

    def __call__(self) -> Losses:
        """Losses of one batch; ``loss`` is their weighted sum."""
        source, driving, source_pose, driving_pose = self.draw()
        landmarks = driving_pose.landmarks
        with torch.autocast(self.device.type, torch.bfloat16):
            out = self.animator(source, source_pose, driving_pose)
            perceptual = self._perceptual(out.rgb, driving, driving_pose)
            same = {name: network(out.rgb, driving, landmarks) for name, network in self.recognisers.items()}
        losses = judge(
            out, driving, expression_weight(landmarks, driving), gaps_of(landmarks, driving), perceptual
        )
        losses["points"] = self.points(out.rgb, driving, landmarks)
        losses |= same
        static = (source - driving).abs().mean()
        return {"loss": self.weights.total(losses), **losses, "static": static}

    def _perceptual(self, generated: Tensor, real: Tensor, pose: Pose) -> Tensor:
        """Loss of the picture at 64 pixels or the face at half size, plus a crop, mostly eyes or mouth."""
        part = MOUTH_SLICE if torch.rand(()) < 0.5 else EYES_SLICE
        crop = self._view(generated, real, pose.landmarks[:, part].mean(1), self.weights.crop, 0.75, 3)
        face = torch.rand(()) < 0.5
        small, truth = (functional.avg_pool2d(picture, 2 if face else 4) for picture in (generated, real))
        if face:
            return torch.add(crop, self._view(small, truth, pose.landmarks.mean(1), self.weights.face, 1, 4))
        return torch.add(crop, self.perceptual(small, truth))

    def _view(
        self, generated: Tensor, real: Tensor, centres: Tensor, side: int, aimed: float, taps: int
    ) -> Tensor:
        boxes = boxes_around(centres, real.shape[-1], side, aimed)
        found: Tensor = self.perceptual(
            crop_boxes(generated, boxes, side), crop_boxes(real, boxes, side), taps
        )
        return found
