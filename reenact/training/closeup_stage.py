"""Last stage: train the decoder on close-ups of mouths and eyes.

Motion network and encoder are frozen. The decoder runs on a part of the picture only, so a sample costs a
third of one of the previous stage. Most samples show the parts that are hard to render.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from reenact.generator.network import Rendered
from reenact.landmarks import EYES_SLICE, MOUTH_SLICE
from reenact.layers.pose import Movement, Pose
from reenact.training.animation_stage import LossWeights, gaps_of, judge
from reenact.training.checkpoint import Model
from reenact.training.frame_pairs import crop_boxes, draw_pairs
from reenact.training.loop import Losses
from reenact.training.losses import PerceptualLoss, expression_weight
from reenact.training.sampler import PairSampler

CELL = 4  # picture pixels per pixel of the motion; crops are aligned to that grid
SIDE, RIM = 128, 16  # pixels: side of the crop, and its rim, which lacks context and is left out of the loss
MOUTHS, EYES = 0.5, 0.3  # shares of the crops; the others are anywhere, against forgetting


class CloseUpStage:
    """One step of training the decoder: reconstruct pairs of frames around mouth or eyes."""

    def __init__(
        self,
        model: Model,
        sampler: PairSampler,
        perceptual: PerceptualLoss,
        *,
        batch: int,
        device: torch.device,
        weights: LossWeights | None = None,
    ) -> None:
        """``perceptual`` must be on the device. Batch norm keeps its statistics from whole pictures."""
        self.model, self.sampler, self.perceptual = model, sampler, perceptual
        self.batch, self.device, self.weights = batch, device, weights or LossWeights()
        model.eval()
        for part in (model.detector, model.motion, model.encoder):
            part.requires_grad_(False)

    def __call__(self) -> Losses:
        """Losses of one batch; ``loss`` is their weighted sum."""
        source, driving, source_pose, driving_pose = draw_pairs(self.sampler, self.model.detector, self.batch)
        corners = self._corners(driving_pose)
        with torch.autocast(self.device.type, torch.bfloat16):
            out = self._paint(source, source_pose, driving_pose, corners)
            seen = Rendered(_inner(out.rgb), out.flow, _inner(out.copied))
            truth = _inner(crop_boxes(driving, corners, SIDE))
            perceptual = self.perceptual(seen.rgb, truth, 3)
        landmarks = driving_pose.landmarks
        expression, gaps = (
            _inner(crop_boxes(where, corners, SIDE))
            for where in (expression_weight(landmarks, driving), gaps_of(landmarks, driving))
        )
        losses = judge(seen, truth, expression, gaps, perceptual)
        return {"loss": self.weights.total(losses), **losses}

    def _corners(self, driving: Pose) -> Tensor:
        """Left and top of each crop (B, 2), in pixels of the picture, aligned to the motion's grid."""
        room = 256 - SIDE
        chance = torch.rand(self.batch, 1, device=self.device)
        mouth, eyes = (driving.landmarks[:, part].mean(1) for part in (MOUTH_SLICE, EYES_SLICE))
        anywhere = torch.rand_like(mouth) * 2 - 1
        chosen = torch.where(chance < MOUTHS, mouth, torch.where(chance < MOUTHS + EYES, eyes, anywhere))
        centres = (chosen + 1) / 2 * 256
        shaken = centres + torch.randn_like(centres) * 6 - SIDE / 2
        return ((shaken / CELL).round() * CELL).clamp(0, room)

    def _paint(self, image: Tensor, source: Pose, driving: Pose, corners: Tensor) -> Rendered:
        """Decode crops of 128 x 128 pixels at these left upper corners."""
        with torch.no_grad():
            motion = self.model.motion(functional.avg_pool2d(image, 4), source, driving)
            features = self.model.encoder(image)
        places = corners / CELL
        flow = crop_boxes(motion.flow.permute(0, 3, 1, 2), places, SIDE // CELL).permute(0, 2, 3, 1)
        part = Movement(flow, *(crop_boxes(value, places, SIDE // CELL) for value in motion[1:]))
        rendered: Rendered = self.model.decoder(image, features, source, driving, part)
        return rendered


def _inner(picture: Tensor) -> Tensor:
    return picture[..., RIM:-RIM, RIM:-RIM]
