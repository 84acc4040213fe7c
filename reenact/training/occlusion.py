"""Train the network of ``reenact.blending.occlusion`` on faces with occluders drawn over them.

The second picture is another frame of the same clip, or the same frame, degraded as by a renderer. In about
a third of the samples it shows the occluder too, as with a microphone that is always there. In a fifth there
is no second picture.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from reenact.blending.network import OcclusionNetwork
from reenact.blending.occlusion import SIZE
from reenact.errors import InvalidOption
from reenact.export.onnx import Graph, Signature, write_graphs
from reenact.training.augment import jitter_colours
from reenact.training.dataset import Pack
from reenact.training.loop import Losses, Run, RunOptions
from reenact.training.occlusion_augment import grained, lit, near_identity, seen_at, softened, views
from reenact.training.occlusion_pictures import WIDER, Faces, Sprites

CLEAN, SAME, ALONE, STAYS = 0.35, 0.4, 0.2, 0.3  # shares: no occluder; same frame; no second; visible in both
OUTSIDE = 0.15  # weight of an occluder's pixel outside the face
SPRITES = 1500  # drawn once, then placed over faces at random
SIGNATURE = Signature(("picture", "own"), ("front",), {})


class OcclusionStage:
    """One step: weighted cross entropy of the occlusion mask on augmented faces with occluders."""

    def __init__(
        self,
        network: OcclusionNetwork,
        pack: Pack,
        *,
        batch: int,
        device: torch.device,
        sprites: int | None = None,
        seed: int = 0,
    ) -> None:
        self.network, self.batch, self.device = network, batch, device
        self.faces = Faces(pack)
        self.sprites = Sprites(sprites or SPRITES, self.faces, np.random.default_rng(seed))

    def __call__(self) -> Losses:
        """Losses of one batch; ``holes`` is the share of clean face marked as occluded."""
        picture, own, front, weight = self.draw()
        with torch.autocast(self.device.type, torch.bfloat16):
            scores = self.network.scores(picture, own).float()
        each = functional.binary_cross_entropy_with_logits(scores, front, reduction="none")
        shown = (scores.detach() > 0).float()
        face = (weight > 0.5).float()
        return {
            "loss": (each * weight).sum() / weight.sum(),
            "holes": (shown * (1 - front) * face).sum() / ((1 - front) * face).sum(),
            "missed": ((1 - shown) * front * face).sum() / (front * face).sum().clamp(min=1),
        }

    def draw(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """First and second pictures (B, 3, S, S), occlusion masks and pixel weights (B, S, S)."""
        rows = torch.randint(len(self.faces.patches), (self.batch,))
        grid = views(self.batch, 0.12, 0.06, 0.06) / WIDER
        thing, cover = self.sprites.draw(rows, self.batch)
        cover = cover * (torch.rand(self.batch, 1, 1, 1) > CLEAN)
        picture = covered(seen_at(self.faces.patches[rows], grid), thing, cover)
        own = self._own(rows, grid, thing, cover)
        picture, own = (grained(value) for value in jitter_colours([picture, own], 0.25))
        front = (cover > 0.5).float()
        oval, known = (seen_at(kind[rows][:, None], grid) for kind in (self.faces.ovals, self.faces.known))
        # Real occluders are not always known; drawn ones are.
        weight = oval * torch.maximum(known, front) + OUTSIDE * front + 1e-3
        flip = torch.rand(self.batch, 1, 1, 1) < 0.5
        sides = (torch.where(flip, value.flip(3), value) for value in (picture, own, front, weight))
        picture, own, front, weight = (value.to(self.device) for value in sides)
        return picture, own, front[:, 0], weight[:, 0]

    def _own(self, rows: Tensor, grid: Tensor, thing: Tensor, cover: Tensor) -> Tensor:
        """The second picture (B, 3, S, S)."""
        other = torch.where(torch.rand(self.batch) < SAME, rows, self.faces.partner(rows))
        near = torch.cat([grid, torch.ones_like(grid[:, :, :1])], 2) @ near_identity(self.batch)
        own = softened(seen_at(self.faces.patches[other], near))
        stays = (torch.rand(self.batch, 1, 1, 1) < STAYS).float() * functional.avg_pool2d(cover, 5, 1, 2)
        return (own * (1 - stays) + thing * stays) * (torch.rand(self.batch, 1, 1, 1) > ALONE)


def covered(face: Tensor, thing: Tensor, cover: Tensor) -> Tensor:
    """Faces (B, 3, S, S) with occluders and their shadows; face and occluder are lit independently."""
    shadow = functional.avg_pool2d(functional.avg_pool2d(cover, 4), 3, 1, 1)
    shadow = functional.interpolate(shadow, size=(SIZE, SIZE), mode="bilinear")
    dark = 1 - shadow * torch.rand(len(face), 1, 1, 1) * 0.5
    return lit(face, 0.6) * dark * (1 - cover) + lit(thing, 0.6) * cover


def train_occlusion(arguments: argparse.Namespace, options: RunOptions) -> None:
    """Write ``state.pt``, ``log.txt`` and, at the end, ``occlusion.onnx`` of the averaged weights to OUT."""
    out, network = arguments.out, OcclusionNetwork()
    if arguments.init:
        raise InvalidOption("The occlusion network is trained from nothing: leave out --init.")
    stage = OcclusionStage(
        network, Pack(arguments.pack), batch=options.batch, device=torch.device(options.device)
    )
    network.to(options.device).train()
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    run, state = Run(network, options), out / "state.pt"
    if arguments.resume and state.is_file():
        run.resume(state)

    def minute(line: str) -> None:
        with (out / "log.txt").open("a") as log:
            log.write(line + "\n")
        run.save(state)

    run.fit(stage, minute)
    run.save(state)
    network.load_state_dict(run.average.state)
    export_occlusion(network, out)


def export_occlusion(network: OcclusionNetwork, folder: Path) -> float:
    """Write ``occlusion.onnx`` and its hash; returns the largest difference from torch.

    Raises:
        WeightsBroken: the graph does not compute what torch computes.
    """
    network.eval().cpu()
    random = torch.Generator().manual_seed(0)
    traced, checked = (
        tuple(torch.rand(1, 3, SIZE, SIZE, generator=random) for _ in range(2)) for _ in range(2)
    )
    return write_graphs({"occlusion": Graph(network, SIGNATURE, traced, checked, light=True)}, folder)[
        "occlusion"
    ]
