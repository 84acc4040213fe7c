"""FOMM as published (Siarohin et al., NeurIPS 2019), for inference.

Written from the paper. Parameters are named as in the published checkpoints ``vox-cpk`` and ``vox-adv-cpk``,
so that these load unchanged. Coordinates are FOMM's: corners aligned.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional

from reenact.layers.fomm import Antialias, Block, Hourglass, Residual, corner_grid, sample
from reenact.layers.geometry import gaussians, inverse_2x2, multiply_2x2

CHANNELS = 3
VARIANCE = 0.01  # of a keypoint's gaussian


@dataclass(frozen=True)
class KeypointParams:
    """``kp_detector_params`` of the configuration; defaults are those of vox-256."""

    block_expansion: int = 32
    max_features: int = 1024
    num_blocks: int = 5
    scale_factor: float = 0.25
    temperature: float = 0.1


@dataclass(frozen=True)
class MotionParams:
    """``dense_motion_params`` of the configuration."""

    block_expansion: int = 64
    max_features: int = 1024
    num_blocks: int = 5
    scale_factor: float = 0.25


@dataclass(frozen=True)
class GeneratorParams:
    """``generator_params`` of the configuration."""

    block_expansion: int = 64
    max_features: int = 512
    num_down_blocks: int = 2
    num_bottleneck_blocks: int = 6
    dense_motion_params: MotionParams = field(default_factory=MotionParams)


@dataclass(frozen=True)
class FommConfig:
    """``model_params`` of the configuration, as far as inference needs them."""

    num_kp: int = 10
    kp_detector_params: KeypointParams = field(default_factory=KeypointParams)
    generator_params: GeneratorParams = field(default_factory=GeneratorParams)


class FommKeypointNetwork(nn.Module):
    """``kp_detector``: picture -> keypoints with jacobians (section 3.1)."""

    def __init__(self, config: FommConfig) -> None:
        """Jacobians start as identity."""
        super().__init__()
        params, self.count = config.kp_detector_params, config.num_kp
        self.temperature = params.temperature
        self.predictor = Hourglass(CHANNELS, params.block_expansion, params.num_blocks, params.max_features)
        self.kp = nn.Conv2d(self.predictor.outputs, self.count, 7)
        self.jacobian = nn.Conv2d(self.predictor.outputs, 4 * self.count, 7)
        self.down = Antialias(CHANNELS, params.scale_factor)
        nn.init.zeros_(self.jacobian.weight)
        assert self.jacobian.bias is not None
        nn.init.zeros_(self.jacobian.bias)
        with torch.no_grad():
            self.jacobian.bias.view(-1, 4)[:, ::3] = 1

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, 256, 256) RGB in [0, 1] -> points (B, K, 2), jacobians (B, K, 2, 2)."""
        features = self.predictor(self.down(image))
        logits = self.kp(features)
        weights = functional.softmax(logits.flatten(2) / self.temperature, -1)
        points = weights @ corner_grid(logits).flatten(0, 1)
        maps = self.jacobian(features).flatten(2).unflatten(1, (self.count, 4))
        return points, (weights[:, :, None] * maps).sum(-1).unflatten(-1, (2, 2))


class DenseMotion(nn.Module):
    """``dense_motion_network``: from keypoints to flow and occlusion (section 3.2)."""

    def __init__(self, keypoints: int, params: MotionParams) -> None:
        super().__init__()
        inputs = (keypoints + 1) * (CHANNELS + 1)
        self.hourglass = Hourglass(inputs, params.block_expansion, params.num_blocks, params.max_features)
        self.mask = nn.Conv2d(self.hourglass.outputs, keypoints + 1, 7, padding=3)
        self.occlusion = nn.Conv2d(self.hourglass.outputs, 1, 7, padding=3)
        self.down = Antialias(CHANNELS, params.scale_factor)

    def forward(
        self, image: Tensor, source: tuple[Tensor, Tensor], driving: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Estimate the motion.

        Args:
            image: the source, (B, 3, 256, 256) RGB in [0, 1].
            source: its points (B, K, 2) and jacobians (B, K, 2, 2).
            driving: those of the pose to take.

        Returns:
            flow (B, 64, 64, 2), occlusion (B, 1, 64, 64) in [0, 1].
        """
        small = self.down(image)
        motions = self.motions(corner_grid(small), source, driving)
        heat = self.heatmaps(corner_grid(small), source[0], driving[0])
        seen = torch.cat([heat[:, :, None], self.copies(small, motions)], 2)
        features = self.hourglass(seen.flatten(1, 2))
        weights = functional.softmax(self.mask(features), 1)
        return (motions * weights[..., None]).sum(1), torch.sigmoid(self.occlusion(features))

    @staticmethod
    def motions(grid: Tensor, source: tuple[Tensor, Tensor], driving: tuple[Tensor, Tensor]) -> Tensor:
        """Equation 4 for each keypoint, after a static background: (B, 1 + K, H, W, 2)."""
        affine = multiply_2x2(source[1], inverse_2x2(driving[1]))[:, :, None, None]
        offset = grid - driving[0][:, :, None, None]
        turned = affine[..., 0] * offset[..., :1] + affine[..., 1] * offset[..., 1:]
        moved = turned + source[0][:, :, None, None]
        return torch.cat([grid.expand(moved.shape[0], 1, *grid.shape), moved], 1)

    @staticmethod
    def heatmaps(grid: Tensor, source: Tensor, driving: Tensor) -> Tensor:
        """Equation 6: gaussians of driving minus those of source, after a zero background."""
        heat = gaussians(driving, grid, VARIANCE) - gaussians(source, grid, VARIANCE)
        return torch.cat([torch.zeros_like(heat[:, :1]), heat], 1)

    @staticmethod
    def copies(image: Tensor, motions: Tensor) -> Tensor:
        """Equation 7: the source warped by each candidate motion, (B, 1 + K, 3, H, W)."""
        batch, count, height, width = motions.shape[:4]
        repeated = image[:, None].expand(-1, count, -1, -1, -1).flatten(0, 1)
        moved = sample(repeated, motions.reshape(batch * count, height, width, 2))
        return moved.reshape(batch, count, *moved.shape[1:])


class Generator(nn.Module):
    """``generator``: the source in the driving pose."""

    def __init__(self, config: FommConfig) -> None:
        super().__init__()
        params = config.generator_params
        depth = params.num_down_blocks
        wide = [min(params.max_features, params.block_expansion * 2**i) for i in range(depth + 1)]
        self.dense_motion_network = DenseMotion(config.num_kp, params.dense_motion_params)
        self.first = Block(CHANNELS, params.block_expansion, kernel=7)
        self.down_blocks = nn.Sequential(*(Block(wide[i], wide[i + 1], "down") for i in range(depth)))
        self.up_blocks = nn.Sequential(*(Block(wide[i + 1], wide[i], "up") for i in reversed(range(depth))))
        self.bottleneck = nn.Sequential()
        for index in range(params.num_bottleneck_blocks):
            self.bottleneck.add_module(f"r{index}", Residual(wide[-1]))
        self.final = nn.Conv2d(params.block_expansion, CHANNELS, 7, padding=3)

    def encode(self, image: Tensor) -> Tensor:
        """(B, 3, 256, 256) RGB in [0, 1] -> (B, 256, 64, 64); needed once per source."""
        features: Tensor = self.down_blocks(self.first(image))
        return features

    def decode(
        self, image: Tensor, features: Tensor, source: tuple[Tensor, Tensor], driving: tuple[Tensor, Tensor]
    ) -> Tensor:
        """The picture (B, 3, 256, 256) in [0, 1], given the features of the source."""
        flow, occlusion = self.dense_motion_network(image, source, driving)
        size = features.shape[2:]
        if flow.shape[1:3] != size:
            flow = functional.interpolate(flow.permute(0, 3, 1, 2), size=size, mode="bilinear").permute(
                0, 2, 3, 1
            )
            occlusion = functional.interpolate(occlusion, size=size, mode="bilinear")
        warped = sample(features, flow) * occlusion
        return torch.sigmoid(self.final(self.up_blocks(self.bottleneck(warped))))

    def forward(self, image: Tensor, source: tuple[Tensor, Tensor], driving: tuple[Tensor, Tensor]) -> Tensor:
        """Encode and decode, as the published demo does for every frame."""
        return self.decode(image, self.encode(image), source, driving)


class Fomm(nn.Module):
    """Both networks of a checkpoint."""

    def __init__(self, config: FommConfig | None = None) -> None:
        super().__init__()
        self.config = config or FommConfig()
        self.kp_detector = FommKeypointNetwork(self.config)
        self.generator = Generator(self.config)
