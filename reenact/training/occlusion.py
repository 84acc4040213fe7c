"""The network of ``reenact.blending.occlusion`` learns from faces before which things were drawn.

The second picture is another frame of the same clip, or the same frame made worse, as a renderer would; in a
third of the cases what is in front is there too, as with a microphone that never leaves, and in a fifth there
is no second picture.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor
from torch.nn import functional

from reenact.blending.network import OcclusionNetwork
from reenact.blending.occlusion import SIZE, face_square
from reenact.errors import InvalidOption
from reenact.export.onnx import Graph, Signature, write_graphs
from reenact.face.square_sampling import Square, sample_square
from reenact.layers.geometry import pixel_grid
from reenact.training.augment import jitter_colours
from reenact.training.dataset import SIZE as FRAME
from reenact.training.dataset import Pack
from reenact.training.loop import Losses, Run, RunOptions
from reenact.training.occluders import APART, EYES, LOOSE, PLACED, Draw, Rng, arm, hand

WIDER = 1.2  # each face is kept so much larger than it is shown
SKIN, GREY = (
    (205, 36, 50, 425, 280, 330, 101),
    (205, 205, 205),
)  # mesh points of bare skin; skin not yet coloured
OVAL = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
    *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)
CLEAN, SAME, ALONE, STAYS = 0.35, 0.4, 0.2, 0.3  # shares: nothing in front; same frame; no second; in both
OUTSIDE, MISSED = 0.15, 1.0  # what a pixel outside the face counts, and one that is in front
SPRITES = 1500  # drawn once, then laid before faces in ever new ways
SIGNATURE = Signature(("picture", "own"), ("front",), {})


class OcclusionStage:
    """One step: faces, things before them, light, blur; weighted cross entropy of what is in front."""

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
        """Losses of one batch; ``holes`` is the share of clean face that is taken for something in front."""
        picture, own, front, weight = self.draw()
        with torch.autocast(self.device.type, torch.bfloat16):
            scores = self.network.scores(picture, own).float()
        each = functional.binary_cross_entropy_with_logits(scores, front, reduction="none")
        shown = (scores.detach() > 0).float()
        face = (weight > OUTSIDE).float()
        return {
            "loss": (each * weight).sum() / weight.sum(),
            "holes": (shown * (1 - front) * face).sum() / ((1 - front) * face).sum(),
            "missed": ((1 - shown) * front * face).sum() / (front * face).sum().clamp(min=1),
        }

    def draw(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Pictures and seconds (B, 3, S, S), what is in front and what each pixel counts (B, S, S)."""
        rows = torch.randint(len(self.faces.patches), (self.batch,))
        other = self.faces.partner(rows)
        grid = _views(self.batch, 0.12, 0.06, 0.06) / WIDER
        near = torch.cat([grid, torch.ones_like(grid[:, :, :1])], 2) @ _slight(self.batch)
        face, oval = _seen(self.faces.patches[rows], grid), _seen(self.faces.ovals[rows][:, None], grid)[:, 0]
        second = _seen(self.faces.patches[torch.where(torch.rand(self.batch) < SAME, rows, other)], near)
        second = _worse(second)
        sprite, cover = self.sprites.draw(rows, self.batch)
        cover = cover * (torch.rand(self.batch, 1, 1, 1) > CLEAN)
        shadow = functional.avg_pool2d(functional.pad(cover, (9, 5, 10, 4), mode="replicate"), 15, 1)
        picture = _lit(face, 0.6) * (1 - shadow * torch.rand(self.batch, 1, 1, 1) * 0.5)
        picture = picture * (1 - cover) + _lit(sprite, 0.6) * cover
        stays = (torch.rand(self.batch, 1, 1, 1) < STAYS).float() * functional.avg_pool2d(cover, 5, 1, 2)
        second = second * (1 - stays) + sprite * stays
        second = second * (torch.rand(self.batch, 1, 1, 1) > ALONE)
        picture, second = (_grained(value) for value in jitter_colours([picture, second], 0.25))
        known = (self.faces.known[rows][:, None].float(),)
        weight = oval * _seen(known[0], grid)[:, 0]
        front = (cover[:, 0] > 0.5).float()
        # What was there before is unknown, what was drawn is known.
        weight = torch.maximum(weight, front * oval * MISSED).clamp(min=0) + OUTSIDE * front + 1e-3
        flip = torch.rand(self.batch, 1, 1, 1) < 0.5
        picture, second = (torch.where(flip, value.flip(3), value) for value in (picture, second))
        front, weight = (torch.where(flip[:, 0], value.flip(2), value) for value in (front, weight))
        return picture.to(self.device), second.to(self.device), front.to(self.device), weight.to(self.device)


class Faces:
    """The faces of a pack, each cut as it is shown to the network, with room around."""

    def __init__(self, pack: Pack) -> None:
        side, count = round(SIZE * WIDER), len(pack)
        self.patches = torch.empty(count, 3, side, side, dtype=torch.uint8)
        self.ovals, self.known = (torch.empty(count, side, side, dtype=torch.uint8) for _ in range(2))
        self.skin, self.eyes = np.empty((count, 3)), np.empty((count, 3), np.float32)
        for row in range(count):
            points = (pack.landmarks[row].astype(np.float32) + 1) / 2 * FRAME
            square = face_square(points)
            square = Square(square.x, square.y, square.side * WIDER)
            patch, places = sample_square(pack.frames[row], square, side), square.from_pixels(points)
            self.patches[row] = torch.from_numpy(patch.copy()).permute(2, 0, 1)
            places *= side
            oval = _polygon(places[list(OVAL)], side)
            self.skin[row] = np.median(
                [patch[int(y), int(x)] for x, y in places[list(SKIN)].clip(0, side - 1)], 0
            )
            self.ovals[row] = torch.from_numpy(oval)
            self.known[row] = torch.from_numpy(_known(patch, places, self.skin[row]))
            right, left = places[[33, 133]].mean(0), places[[263, 362]].mean(0)
            middle = (right + left) / side - 1
            self.eyes[row] = *middle, np.linalg.norm(left - right) / side * 2
        ranges = [(clip.first, len(clip.kept)) for clip in pack.clips]
        self.first = torch.tensor([first for first, length in ranges for _ in range(length)])
        self.length = torch.tensor([length for _, length in ranges for _ in range(length)])

    def partner(self, rows: Tensor) -> Tensor:
        """A random frame of the same clip for each."""
        return self.first[rows] + (torch.rand(len(rows)) * self.length[rows]).long()


class Sprites:
    """A store of drawn things, laid before faces in new ways each time."""

    def __init__(self, count: int, faces: Faces, rng: Rng) -> None:
        self.faces = faces
        kinds = [*LOOSE, *PLACED]
        chances = np.array([chance for _, chance in kinds])
        drawn, self.loose, self.bare = [], [], []
        for kind in rng.choice(len(kinds), count, p=chances / chances.sum()):
            draw = kinds[kind][0]
            drawn.append(self._drawn(draw, rng))
            self.loose.append(kind < len(LOOSE))
            self.bare.append(draw is hand or (draw is arm and rng.random() < 0.6))
        self.pictures = torch.from_numpy(np.stack(drawn)).permute(0, 3, 1, 2)
        self.is_loose, self.is_bare = torch.tensor(self.loose), torch.tensor(self.bare)

    def _drawn(self, draw: Draw, rng: Rng) -> NDArray[np.uint8]:
        row, part = rng.integers(len(self.faces.skin)), int(rng.integers(24, 90))
        patch = self.faces.patches[rng.integers(len(self.faces.skin))].permute(1, 2, 0).numpy()
        x, y = rng.integers(0, len(patch) - part, 2)
        texture = Image.fromarray(np.ascontiguousarray(patch[y : y + part, x : x + part]))
        skin = GREY if draw in (hand, arm) else tuple(int(value) for value in self.faces.skin[row])
        return draw(rng, skin, texture).finished(rng)  # type: ignore[arg-type]

    def draw(self, rows: Tensor, batch: int) -> tuple[Tensor, Tensor]:
        """Colours (B, 3, S, S) and cover (B, 1, S, S) in [0, 1] for the faces in ``rows``."""
        picked = torch.randint(len(self.pictures), (batch,))
        loose, bare = self.is_loose[picked], self.is_bare[picked]
        free = _views(batch, 0.35, 0.45, 3.2) * 0.75
        eyes = torch.from_numpy(self.faces.eyes[rows.numpy()]) * WIDER
        base = pixel_grid(torch.empty(SIZE, SIZE)).reshape(1, -1, 2)
        scale = (APART * 2 / eyes[:, 2]) * (1 + torch.randn(batch) * 0.05)
        placed = (base - eyes[:, None, :2]) * scale[:, None, None]
        placed = placed + torch.tensor([EYES[0] * 2 - 1, EYES[1] * 2 - 1]) + torch.randn(batch, 1, 2) * 0.03
        grid = torch.where(loose[:, None, None], free, placed)
        pictures = self.pictures[picked].float()
        seen = _seen(pictures, grid, "border")  # an arm does not end where its drawing ends
        if torch.rand(()) < 0.3:
            step = torch.randn(batch, 1, 2) * 0.025
            seen = (seen + sum(_seen(pictures, grid + step * k, "border") for k in (1, 2, 3))) / 4
        own = torch.rand(batch) < 0.55
        skin = torch.from_numpy(self.faces.skin).float()
        tone = torch.where(own[:, None], skin[rows], skin[torch.randint(len(skin), (batch,))])
        tone = tone * (1 + torch.randn(batch, 3) * 0.05 + torch.randn(batch, 1) * 0.15) / GREY[0]
        colours = seen[:, :3] * torch.where(bare[:, None], tone, torch.ones(batch, 3))[..., None, None]
        return colours.clamp(0, 1), seen[:, 3:]


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


def _polygon(points: NDArray[np.floating], side: int) -> NDArray[np.uint8]:
    """(side, side) uint8, 255 inside."""
    image = Image.new("L", (side, side))
    ImageDraw.Draw(image).polygon([(float(x), float(y)) for x, y in points], fill=255)
    return np.array(image)


def _known(
    patch: NDArray[np.uint8], places: NDArray[np.floating], skin: NDArray[np.floating]
) -> NDArray[np.uint8]:
    """255 where nothing but face can be: not on what has no colour of skin above the brows; hair or hat."""
    far = np.abs(patch.astype(np.float32) - skin.astype(np.float32)).max(-1) > 60
    far[int(max(0, places[[105, 334, 70, 300], 1].min())) :] = False
    return np.where(far, 0, 255).astype(np.uint8)


def _views(batch: int, scale: float, shift: float, turn: float) -> Tensor:
    """Places (B, S * S, 2) at which a square is looked at, scaled, shifted and turned."""
    angle, size = (torch.rand(batch) * 2 - 1) * turn, torch.exp(torch.randn(batch) * scale)
    cos, sin = torch.cos(angle) * size, torch.sin(angle) * size
    linear = torch.stack([torch.stack([cos, -sin], -1), torch.stack([sin, cos], -1)], -2)
    base = pixel_grid(torch.empty(SIZE, SIZE)).reshape(1, -1, 2)
    return (base - torch.randn(batch, 1, 2) * shift) @ linear.mT


def _slight(batch: int) -> Tensor:
    """Affine maps (B, 3, 2) near identity: how far a rebuilt face lies beside the true one."""
    return torch.cat(
        [
            torch.eye(2).expand(batch, 2, 2) + torch.randn(batch, 2, 2) * 0.015,
            torch.randn(batch, 1, 2) * 0.012,
        ],
        1,
    )


def _seen(pictures: Tensor, grid: Tensor, beyond: str = "zeros") -> Tensor:
    """Pictures (B, C, H, W) uint8 or in [0, 255] at places (B, S * S, 2) -> (B, C, S, S) in [0, 1]."""
    places = grid.view(len(grid), SIZE, SIZE, 2)
    return functional.grid_sample(pictures.float() / 255, places, padding_mode=beyond, align_corners=False)


def _smooth_field(batch: int, cells: int) -> Tensor:
    field = torch.randn(batch, 1, cells, cells)
    return functional.interpolate(field, size=(SIZE, SIZE), mode="bicubic", align_corners=True)


def _lit(picture: Tensor, most: float) -> Tensor:
    """Under a light that changes across the picture, at times with an edge as that of a shadow."""
    field = _smooth_field(len(picture), 3)
    hard = torch.rand(len(picture), 1, 1, 1) < 0.25
    field = torch.where(hard, torch.tanh(field * 6) * 0.6, field) * torch.rand(len(picture), 1, 1, 1) * most
    return (picture * torch.exp(field.clamp(-1.2, 0.8))).clamp(0, 1)


def _worse(picture: Tensor) -> Tensor:
    """Softer, as rendered faces are, for two thirds."""
    half = functional.interpolate(functional.avg_pool2d(picture, 2), scale_factor=2.0, mode="bilinear")
    mix = torch.rand(len(picture), 1, 1, 1)
    return torch.where(torch.rand(len(picture), 1, 1, 1) < 0.67, picture.lerp(half, mix), picture)


def _grained(picture: Tensor) -> Tensor:
    """Blurred for a third, with noise."""
    half = functional.interpolate(functional.avg_pool2d(picture, 2), scale_factor=2.0, mode="bilinear")
    picture = torch.where(torch.rand(len(picture), 1, 1, 1) < 0.3, half, picture)
    return (picture + torch.randn_like(picture) * torch.rand(len(picture), 1, 1, 1) * 0.03).clamp(0, 1)
