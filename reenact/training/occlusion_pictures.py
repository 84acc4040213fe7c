"""Faces and drawn occluders for training the occlusion network."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor

from reenact.blending.occlusion import OVAL, SIZE, face_square
from reenact.face.square_sampling import Square, sample_square
from reenact.layers.geometry import pixel_grid
from reenact.training.dataset import SIZE as FRAME
from reenact.training.dataset import Pack
from reenact.training.hands import arm, hand
from reenact.training.occluder_canvas import Rng
from reenact.training.occluders import APART, EYES, LOOSE, PLACED, Draw
from reenact.training.occlusion_augment import seen_at, views

WIDER = 1.2  # side of a stored face over that of the network's view
SKIN, GREY = (
    (205, 36, 50, 425, 280, 330, 101),
    (205, 205, 205),
)  # mesh points of bare skin; neutral colour of skin, tinted later
MOVED, OWN_SKIN = 0.3, 0.55  # shares: batches with motion blur; hands with the face's skin colour


class Faces:
    """The faces of a pack, cropped as for the network, with a margin."""

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
        """For each row a random frame of the same clip."""
        return self.first[rows] + (torch.rand(len(rows)) * self.length[rows]).long()


class Sprites:
    """Drawn occluders, placed over faces at random."""

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
        """Colours (B, 3, S, S) and coverage (B, 1, S, S) in [0, 1] for the faces in ``rows``."""
        picked = torch.randint(len(self.pictures), (batch,))
        loose = self.is_loose[picked, None, None]
        grid = torch.where(loose, views(batch, 0.35, 0.45, 3.2) * 0.75, self._on_faces(rows))
        pictures = self.pictures[picked].float()
        seen = seen_at(pictures, grid, "border")  # continues an arm beyond its drawing
        if torch.rand(()) < MOVED:
            step = torch.randn(batch, 1, 2) * 0.025
            seen = (seen + sum(seen_at(pictures, grid + step * k, "border") for k in (1, 2, 3))) / 4
        tones = torch.where(self.is_bare[picked, None], self._tones(rows), torch.ones(batch, 3))
        return (seen[:, :3] * tones[..., None, None]).clamp(0, 1), seen[:, 3:]

    def _on_faces(self, rows: Tensor) -> Tensor:
        """Sampling positions (B, S * S, 2) that align the eyes of drawings and faces."""
        eyes = torch.from_numpy(self.faces.eyes[rows.numpy()]) * WIDER
        base = pixel_grid(torch.empty(SIZE, SIZE)).reshape(1, -1, 2)
        scale = APART * 2 / eyes[:, 2] * (1 + torch.randn(len(rows)) * 0.05)
        middle = torch.tensor(EYES) * 2 - 1 + torch.randn(len(rows), 1, 2) * 0.03
        return (base - eyes[:, None, :2]) * scale[:, None, None] + middle

    def _tones(self, rows: Tensor) -> Tensor:
        """Factors (B, 3) that tint grey skin, often with the face's own colour."""
        skin = torch.from_numpy(self.faces.skin).float()
        other = torch.randint(len(skin), (len(rows),))
        tone = skin[torch.where(torch.rand(len(rows)) < OWN_SKIN, rows, other)]
        return tone * (1 + torch.randn(len(rows), 3) * 0.05 + torch.randn(len(rows), 1) * 0.15) / GREY[0]


def _polygon(points: NDArray[np.floating], side: int) -> NDArray[np.uint8]:
    """(side, side) uint8, 255 inside."""
    image = Image.new("L", (side, side))
    ImageDraw.Draw(image).polygon([(float(x), float(y)) for x, y in points], fill=255)
    return np.array(image)


def _known(
    patch: NDArray[np.uint8], places: NDArray[np.floating], skin: NDArray[np.floating]
) -> NDArray[np.uint8]:
    """255 where only face is possible: 0 above the brows where the colour differs from skin (hair, hat)."""
    far = np.abs(patch.astype(np.float32) - skin.astype(np.float32)).max(-1) > 60
    far[int(max(0, places[[105, 334, 70, 300], 1].min())) :] = False
    return np.where(far, 0, 255).astype(np.uint8)
