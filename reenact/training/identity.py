"""An identity loss: distance of generated and real face in a face recognition network.

The network is dlib's (King, "dlib-models", CC0): the 29-layer ResNet of its face recognition example. Its
weights come with the package face_recognition_models on PyPI. It differs from the network by which
``reenact evaluate`` measures identity, and is only used while training.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import prod
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from reenact.errors import WeightsBroken
from reenact.landmarks import EYE_CORNERS, MESH_INDICES
from reenact.layers.constant import constant

SIDE = 150  # pixels of the aligned face
SAME_PERSON = 0.6  # distance of descriptors below which dlib considers two faces one person
MEAN = (122.782, 117.001, 104.298)
# Channels and residual blocks of each level, in data order; each but the first starts by downsampling
LEVELS = ((32, 3), (64, 4), (128, 3), (256, 3), (256, 1))
# dlib's aligned face, padding 0.25: centre below the eyes, and half the side, in eye distances
DOWN, HALF = 0.524, 0.963365 * 1.5


class IdentityLoss(nn.Module):
    """Distance of two faces in dlib's face recognition: features of its levels, and descriptor."""

    def __init__(self, weights: Path) -> None:
        """``weights`` is ``dlib_face_recognition_resnet_model_v1.dat``.

        Raises:
            WeightsBroken: it is another file.
        """
        super().__init__()
        self.network = Recognizer()
        self.network.load(weights)
        self.requires_grad_(False)

    def forward(self, generated: Tensor, real: Tensor, landmarks: Tensor) -> Tensor:
        """Distance of the faces; 0 for equal ones.

        The mean over levels of the squared distance of features, relative to their squared norm, plus the
        squared distance of the descriptors in units of SAME_PERSON.

        Args:
            generated: (B, 3, H, W) in [0, 1].
            real: the same, of the same person in the same pose.
            landmarks: (B, L, 2) in [-1, 1], of that pose.
        """
        grid = chip_grid(landmarks)
        with torch.no_grad():
            *true_levels, true_descriptor = self.network(cut_chips(real, grid))
        *levels, descriptor = self.network(cut_chips(generated, grid))
        texture = [
            (ours - true).float().square().mean() / true.float().square().mean()
            for ours, true in zip(levels, true_levels, strict=True)
        ]
        who = (descriptor - true_descriptor).float().square().sum(1).mean() / SAME_PERSON**2
        return torch.add(torch.stack(texture).mean(), who)


class Recognizer(nn.Module):
    """dlib's 29-layer ResNet; ``forward`` returns each level's output but the first's, and the descriptor."""

    def __init__(self) -> None:
        super().__init__()
        self.first = Normed(3, LEVELS[0][0], 7, 2)
        self.levels = nn.ModuleList()
        before = LEVELS[0][0]
        for index, (channels, count) in enumerate(LEVELS):
            blocks = [
                Block(before if place == 0 else channels, channels, index > 0 and place == 0)
                for place in range(count)
            ]
            self.levels.append(nn.Sequential(*blocks))
            before = channels
        self.last = nn.Linear(before, 128, bias=False)
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1))
        self.mean: Tensor

    def forward(self, chips: Tensor) -> list[Tensor]:
        """Features of aligned faces (B, 3, 150, 150) RGB in [0, 1]; the last is the descriptor (B, 128)."""
        x = functional.max_pool2d(functional.relu(self.first((chips * 255 - self.mean) / 256)), 3, 2)
        found = []
        for level in self.levels:
            x = level(x)
            found.append(x)
        return [*found[1:], self.last(x.mean((2, 3)))]

    def load(self, path: Path) -> None:
        """Load dlib's weights; raises WeightsBroken."""
        layers = [module for module in self.modules() if isinstance(module, Normed)]
        sizes = [(size, 1) for layer in layers for size in layer.sizes]
        *parameters, last = read_tensors(path, [*sizes, (self.last.in_features, self.last.out_features)])
        for layer, conv, affine in zip(layers, parameters[::2], parameters[1::2], strict=True):
            layer.load(conv, affine)
        self.last.weight.data = last.view(self.last.in_features, -1).t().contiguous()


class Normed(nn.Module):
    """A convolution with the scale and shift of batch norm folded in."""

    def __init__(self, before: int, channels: int, side: int = 3, stride: int = 1) -> None:
        super().__init__()
        padding = side // 2 if stride == 1 else 0
        self.conv = nn.Conv2d(before, channels, side, stride, padding)

    @property
    def sizes(self) -> tuple[int, int]:
        """Count of numbers in the file for the convolution, and for scale and shift."""
        filters = self.conv.weight
        return filters.numel() + len(filters), 2 * len(filters)

    def load(self, conv: Tensor, affine: Tensor) -> None:
        """Load filters and biases, scales and shifts of the file."""
        filters = self.conv.weight
        scale, shift = affine.chunk(2)
        self.conv.weight.data = conv[: filters.numel()].view_as(filters) * scale.view(-1, 1, 1, 1)
        assert self.conv.bias is not None
        self.conv.bias.data = conv[filters.numel() :] * scale + shift

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H', W')."""
        y: Tensor = self.conv(x)
        return y


class Block(nn.Module):
    """Residual block of two convolutions; when downsampling, the shortcut is pooled and zero-padded."""

    def __init__(self, before: int, channels: int, halves: bool) -> None:
        super().__init__()
        self.halves = halves
        self.one = Normed(before, channels, stride=2 if halves else 1)
        self.two = Normed(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H', W')."""
        y = self.two(functional.relu(self.one(x)))
        if self.halves:
            x = functional.avg_pool2d(x, 2)
        grown = [max(a, b) for a, b in zip(x.shape[1:], y.shape[1:], strict=True)]
        return functional.relu(_padded(x, grown) + _padded(y, grown))


def _padded(x: Tensor, shape: list[int]) -> Tensor:
    """(B, C, H, W) zero-padded at the end to (B, *shape), as dlib adds tensors of different sizes."""
    channels, height, width = (wanted - had for wanted, had in zip(shape, x.shape[1:], strict=True))
    return functional.pad(x, (0, width, 0, height, 0, channels))


def chip_grid(landmarks: Tensor, size: int = SIDE, half: float = HALF) -> Tensor:
    """Sampling grid of an aligned face: (B, size, size, 2) for landmarks (B, L, 2).

    ``half`` is half its side, in eye distances. The defaults are dlib's.
    """
    corners = constant(tuple(MESH_INDICES.index(index) for index in EYE_CORNERS), landmarks.device)
    left, right = (pair.mean(1) for pair in landmarks[:, corners].chunk(2, 1))  # as seen in the picture
    across = right - left
    down = torch.stack([-across[:, 1], across[:, 0]], 1)
    centre = (left + right) / 2 + DOWN * down
    steps = ((torch.arange(size, device=landmarks.device) + 0.5) / size * 2 - 1) * half
    along, below = steps.view(1, 1, -1, 1), steps.view(1, -1, 1, 1)
    return centre[:, None, None] + across[:, None, None] * along + down[:, None, None] * below


def cut_chips(picture: Tensor, grid: Tensor) -> Tensor:
    """(B, 3, size, size) float32 of pictures (B, 3, H, W), sampled at ``chip_grid``'s result."""
    return functional.grid_sample(picture.float(), grid, align_corners=False)


def read_tensors(path: Path, sizes: Iterable[tuple[int, int]]) -> Iterator[Tensor]:
    """The tensors of these sizes in a file that dlib wrote, flattened, in this order.

    dlib writes a tensor as a version (2), four sizes and little-endian float32, and an integer as a byte with
    its length in bytes, then those bytes. Other data between the layers' parameters are skipped.

    Raises:
        WeightsBroken: the file has no such tensors.
    """
    data, place = path.read_bytes(), 0
    for size in sizes:
        header = b"".join(
            bytes([length := (n.bit_length() + 7) // 8]) + n.to_bytes(length, "little")
            for n in (2, *size, 1, 1)
        )
        place = data.find(header, place) + len(header)
        if place < len(header) or len(data) < place + 4 * prod(size):
            raise WeightsBroken(f"{path} is not dlib_face_recognition_resnet_model_v1.dat, or incomplete.")
        yield torch.from_numpy(np.frombuffer(data, "<f4", prod(size), place).copy())
        place += 4 * prod(size)
