"""The four ONNX graphs as torch modules: pictures go in and come out as (B, H, W, 3) uint8."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from reenact.generator.network import Decoder, Encoder, Features
from reenact.keypoints.network import KeypointDetector
from reenact.layers.geometry import resize, resize_flow, warp
from reenact.layers.pose import Pose
from reenact.motion.network import DenseMotion
from reenact.training.checkpoint import Model


def to_float(picture: Tensor) -> Tensor:
    """(B, H, W, 3) uint8 -> (B, 3, H, W) float in [0, 1]."""
    return picture.permute(0, 3, 1, 2).float() / 255


def to_bytes(picture: Tensor) -> Tensor:
    """(B, 3, H, W) float -> (B, H, W, 3) uint8, rounded."""
    return (picture.clamp(0, 1) * 255 + 0.5).to(torch.uint8).permute(0, 2, 3, 1)


class KeypointGraph(nn.Module):
    """``keypoints``: pictures -> learned keypoints."""

    def __init__(self, detector: KeypointDetector) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 256, 256, 3) uint8 -> points (B, K, 2), jacobians (B, K, 2, 2)."""
        points, jacobians = self.detector(functional.avg_pool2d(to_float(picture), 4))
        return points, jacobians


class EncodeGraph(nn.Module):
    """``encode``: the selfie, once."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """(1, 256, 256, 3) uint8 -> features (1, fine, 128, 128) and (1, coarse, 64, 64)."""
        features = self.encoder(to_float(source))
        return features.fine, features.coarse


class AnimateGraph(nn.Module):
    """``animate``: motion and decoder, for a batch of driving frames and one source."""

    def __init__(self, motion: DenseMotion, decoder: Decoder) -> None:
        super().__init__()
        self.motion, self.decoder = motion, decoder

    def forward(
        self,
        source: Tensor,
        fine: Tensor,
        coarse: Tensor,
        source_points: Tensor,
        source_jacobians: Tensor,
        source_landmarks: Tensor,
        points: Tensor,
        jacobians: Tensor,
        landmarks: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Everything of the source has a leading 1; driving pose (B, ...).

        Returns:
            picture (B, 256, 256, 3) uint8, alpha (B, 1, 256, 256), flow (B, 128, 128, 2) crop units.
        """
        image = to_float(source)
        source_pose = Pose(source_points, source_jacobians, source_landmarks)
        driving = Pose(points, jacobians, landmarks)
        motion = self.motion(functional.avg_pool2d(image, 4), source_pose, driving)
        out = self.decoder(image, Features(fine, coarse), source_pose, driving, motion)
        return to_bytes(out.rgb), out.alpha, out.flow


class ComposeGraph(nn.Module):
    """``compose``: the same result at any size, sharp where the selfie can be copied."""

    def forward(self, source: Tensor, picture: Tensor, alpha: Tensor, flow: Tensor) -> Tensor:
        """Blend the warped full-size source with the enlarged picture.

        Args:
            source: (1, S, S, 3) uint8, the same crop as the picture's, larger.
            picture: (B, 256, 256, 3) uint8 from ``animate``.
            alpha: (B, 1, 256, 256), likewise.
            flow: (B, 128, 128, 2), likewise.

        Returns:
            (B, S, S, 3) uint8.
        """
        size = source.shape[1:3]
        copied = warp(source.permute(0, 3, 1, 2), resize_flow(flow, size))
        # As planes of one channel: with three, ONNX Runtime would resize them interleaved, which is slow.
        planes = picture.permute(0, 3, 1, 2).float().flatten(0, 1)[:, None]
        painted = resize(planes, size).reshape(copied.shape)
        blended = painted + resize(alpha, size) * (copied - painted)
        return (blended.clamp(0, 255) + 0.5).to(torch.uint8).permute(0, 2, 3, 1)


def graphs_of(model: Model) -> dict[str, nn.Module]:
    """The graphs by file name, in evaluation mode."""
    modules: dict[str, nn.Module] = {
        "keypoints": KeypointGraph(model.detector),
        "encode": EncodeGraph(model.encoder),
        "animate": AnimateGraph(model.motion, model.decoder),
        "compose": ComposeGraph(),
    }
    return {name: module.eval() for name, module in modules.items()}
