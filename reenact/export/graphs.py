"""The four ONNX graphs as torch modules; input and output pictures are (B, H, W, 3) uint8."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from reenact.generator.network import Decoder, Encoder, Features
from reenact.keypoints.network import KeypointNetwork
from reenact.layers.constant import constant
from reenact.layers.geometry import resize, resize_flow, warp
from reenact.layers.pose import Pose
from reenact.motion.network import DenseMotion
from reenact.training.checkpoint import Model

CELL = 4  # px at 256: cell over which the difference of painted and copied is averaged
APART = 15.0  # grey levels: difference in a cell or its neighbours at which a third of the detail is kept
# Unsharp mask of strength 0.4 over 3x3; with bilinear enlargement the frequency response is about 1.
CRISPER = tuple(1.4 - 0.4 / 9 if place == 4 else -0.4 / 9 for place in range(9))


def to_float(picture: Tensor) -> Tensor:
    """(B, H, W, 3) uint8 -> (B, 3, H, W) float in [0, 1]."""
    return picture.permute(0, 3, 1, 2).float() / 255


def to_bytes(picture: Tensor) -> Tensor:
    """(B, 3, H, W) float -> (B, H, W, 3) uint8, rounded."""
    return (picture.clamp(0, 1) * 255 + 0.5).to(torch.uint8).permute(0, 2, 3, 1)


class KeypointGraph(nn.Module):
    """``keypoints``: pictures -> learned keypoints."""

    def __init__(self, detector: KeypointNetwork) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 256, 256, 3) uint8 -> points (B, K, 2), jacobians (B, K, 2, 2)."""
        points, jacobians = self.detector(functional.avg_pool2d(to_float(picture), 4))
        return points, jacobians


class EncodeGraph(nn.Module):
    """``encode``: run once for the selfie."""

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
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Source tensors have a leading 1, the driving pose is (B, ...).

        Returns:
            picture (B, 256, 256, 3) uint8; for ``compose`` rest (B, 3, 256, 256) and kept (B, 1, 64, 64), see
            ``split_detail``, and flow (B, 128, 128, 2) crop units.
        """
        image = to_float(source)
        source_pose = Pose(source_points, source_jacobians, source_landmarks)
        driving = Pose(points, jacobians, landmarks)
        motion = self.motion(functional.avg_pool2d(image, 4), source_pose, driving)
        out = self.decoder(image, Features(fine, coarse), source_pose, driving, motion)
        return to_bytes(out.rgb), *split_detail(out.rgb, out.copied), out.flow


class ComposeGraph(nn.Module):
    """``compose``: the same result at any size, with the fine detail of the selfie.

    The selfie is warped at full size, and the network's corrections at 256 are enlarged and added. So pores
    and brush strokes come from the selfie, lips and lids from the network. ``kept`` is the weight of the
    warped selfie, ``rest`` the remainder of the picture.
    """

    def forward(self, source: Tensor, rest: Tensor, kept: Tensor, flow: Tensor) -> Tensor:
        """Enlarge a batch.

        Args:
            source: (1, S, S, 3) uint8, the same crop as the picture's at a larger size.
            rest: (B, 3, 256, 256) from ``animate``.
            kept: (B, 1, 64, 64), likewise.
            flow: (B, 128, 128, 2), likewise.

        Returns:
            (B, S, S, 3) uint8.
        """
        size = source.shape[1:3]
        detailed = warp(source.permute(0, 3, 1, 2), resize_flow(flow, size))
        # One channel per plane: ONNX Runtime would resize three channels interleaved, which is slow.
        planes = _sharpen(rest).flatten(0, 1)[:, None]
        result = resize(planes, size).reshape(detailed.shape) + resize(kept, size) * detailed
        return result.clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)


def split_detail(painted: Tensor, copied: Tensor) -> tuple[Tensor, Tensor]:
    """Inputs of ``compose``, from a picture and the warped source that it was painted on.

    Where the two differ much, the detail of the source belongs to something else, for instance to open
    lids where the picture has closed ones. Less of it is kept there.

    Args:
        painted: (B, 3, 256, 256), approximately in [0, 1].
        copied: likewise.

    Returns:
        rest (B, 3, 256, 256) in grey levels, plus 0.5 so that truncation rounds; kept (B, 1, 64, 64) in
        [0, 1].
    """
    apart = functional.avg_pool2d((painted - copied).abs().mean(1, keepdim=True), CELL)
    apart = functional.max_pool2d(apart, 3, stride=1, padding=1)
    kept = torch.exp(-(apart * (255 / APART)).square())
    kept = functional.avg_pool2d(kept, 3, stride=1, padding=1, count_include_pad=False)
    return (painted - resize(kept, painted.shape[2:]) * copied) * 255 + 0.5, kept


def _sharpen(picture: Tensor) -> Tensor:
    """(B, 3, H, W) sharpened to compensate the blur of a bilinear enlargement to twice the size."""
    edged = functional.pad(picture, (1, 1, 1, 1), mode="replicate")
    kernel = constant(CRISPER, picture.device).view(1, 1, 3, 3)
    return functional.conv2d(edged, kernel.expand(3, 1, 3, 3), groups=3)


def graphs_of(model: Model) -> dict[str, nn.Module]:
    """The graphs by file name, in evaluation mode."""
    modules: dict[str, nn.Module] = {
        "keypoints": KeypointGraph(model.detector),
        "encode": EncodeGraph(model.encoder),
        "animate": AnimateGraph(model.motion, model.decoder),
        "compose": ComposeGraph(),
    }
    return {name: module.eval() for name, module in modules.items()}
