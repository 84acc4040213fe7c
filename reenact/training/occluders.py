"""Random drawings of occluders of faces: hands, hair, microphones, cups, phones, hats, scarves.

Each is drawn on a square around a face, its eyes centred at (0.5, 0.4), a quarter of the side apart.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from PIL import Image

from reenact.training.hands import arm, hand
from reenact.training.occluder_canvas import Canvas, Colour, Rng, any_colour, hair_colour, shaded

EYES, APART = (0.5, 0.4), 0.25


def microphone(rng: Rng, skin: Colour, texture: Image.Image) -> Canvas:
    """A stick and a round or long head, of metal or foam."""
    canvas, colour = Canvas(), any_colour(rng)
    radius = rng.uniform(0.06, 0.13)
    canvas.limb((0.5, 0.55), (0.5, 1.2), (radius * 1.1, radius * 0.9), any_colour(rng), (-0.5, 0.0))
    long = rng.uniform(1.0, 1.6)
    for step in np.linspace(0, 1, 8):
        tone, small = shaded(colour, 0.6 + 0.6 * step), 1 - 0.75 * step
        canvas.ellipse(
            (0.5 - 0.25 * radius * step, 0.5 - 0.3 * radius * step),
            (radius * small, radius * long * small),
            tone,
        )
    if rng.random() < 0.5:
        canvas.stroke((0.5 - radius, 0.5), (0.5 + radius, 0.5), 0.02, any_colour(rng))
    return canvas


def cup(rng: Rng, skin: Colour, texture: Image.Image) -> Canvas:
    """A cup, glass or bottle, often with a hand."""
    canvas = hand(rng, skin, texture) if rng.random() < 0.4 else Canvas()
    colour, half, tall = any_colour(rng), rng.uniform(0.08, 0.2), rng.uniform(0.2, 0.5)
    for step in np.linspace(0, 1, 6):
        narrow = half * (1 - 0.85 * step)
        rows = [
            (0.5 - narrow, 0.3),
            (0.5 + narrow, 0.3),
            (0.5 + narrow * 0.8, 0.3 + tall),
            (0.5 - narrow * 0.8, 0.3 + tall),
        ]
        canvas.polygon(rows, shaded(colour, 0.7 + 0.4 * step))
    canvas.ellipse((0.5, 0.3), (half, half * 0.25), shaded(colour, rng.uniform(0.5, 1.2)))
    return canvas


def phone(rng: Rng, skin: Colour, texture: Image.Image) -> Canvas:
    """A flat box, with lenses or a picture on it."""
    canvas = hand(rng, skin, texture) if rng.random() < 0.4 else Canvas()
    colour, half, tall = any_colour(rng), rng.uniform(0.1, 0.22), rng.uniform(0.1, 0.3)
    canvas.polygon(
        [
            (0.5 - half, 0.45 - tall),
            (0.5 + half, 0.45 - tall),
            (0.5 + half, 0.45 + tall),
            (0.5 - half, 0.45 + tall),
        ],
        colour,
    )
    for _ in range(int(rng.integers(0, 5))):
        place = (0.5 + float(rng.uniform(-1, 1)) * half * 0.8, 0.45 + float(rng.uniform(-1, 1)) * tall * 0.8)
        size = float(rng.uniform(0.01, 0.05))
        canvas.ellipse(place, (size, size), any_colour(rng))
    return canvas


def stick(rng: Rng, skin: Colour, texture: Image.Image) -> Canvas:
    """One to three thin objects: pens, forks, straws, strings, cables."""
    canvas = Canvas()
    for _ in range(int(rng.integers(1, 4))):
        shift, tilt = float(rng.uniform(-0.15, 0.15)), float(rng.uniform(-0.3, 0.3))
        end = float(rng.uniform(0.2, 0.5)) if rng.random() < 0.5 else -0.2
        canvas.limb(
            (0.5 + shift + tilt, 1.2),
            (0.5 + shift, end),
            (float(rng.uniform(0.015, 0.06)),) * 2,
            any_colour(rng),
            (-1.0, 0.0),
        )
    return canvas


def hat(rng: Rng, skin: Colour, texture: Image.Image) -> Canvas:
    """A rim, cap or hood down to the brows or below."""
    canvas, colour = Canvas(), any_colour(rng)
    x = np.linspace(-0.2, 1.2, 30)
    low = rng.uniform(0.16, 0.36) - rng.uniform(-0.3, 0.5) * (x - 0.5) ** 2 + rng.normal(0, 0.08) * (x - 0.5)
    for step, height in enumerate(np.linspace(0, rng.uniform(0.05, 0.3), 4)):
        rows = [*zip(x, low - height, strict=True), (1.2, -0.2), (-0.2, -0.2)]
        canvas.polygon(rows, shaded(colour, rng.uniform(0.6, 1.1) if step else 0.8))
    return canvas


def scarf(rng: Rng, skin: Colour, texture: Image.Image) -> Canvas:
    """Cloth or a medical mask from the nose or chin down."""
    canvas, colour = Canvas(), any_colour(rng)
    x = np.linspace(-0.2, 1.2, 30)
    top = rng.uniform(0.52, 0.85) + rng.uniform(-0.2, 0.6) * (x - 0.5) ** 2
    canvas.polygon([*zip(x, top, strict=True), (1.2, 1.2), (-0.2, 1.2)], colour)
    for _ in range(int(rng.integers(0, 6))):
        shift = float(rng.uniform(0.02, 0.4))
        for a, b in zip(range(29), range(1, 30), strict=True):
            canvas.stroke((x[a], top[a] + shift), (x[b], top[b] + shift), 0.015, shaded(colour, 0.75))
    return canvas


def hair(rng: Rng, skin: Colour, texture: Image.Image) -> Canvas:
    """Strands of hair from above or from one side."""
    canvas, colour = Canvas(), hair_colour(rng)
    root, tip = (
        np.array([rng.uniform(0.2, 0.8), -0.1]),
        np.array([rng.uniform(0.0, 1.0), rng.uniform(0.3, 1.1)]),
    )
    bow, width = rng.normal(0, 0.25), rng.uniform(0.01, 0.2)
    time = np.linspace(0, 1, 14)[:, None]
    for _ in range(int(rng.integers(4, 60))):
        off, own = rng.normal(0, width, 2), rng.normal(0, 0.03)
        middle = (root + tip) / 2 + np.array([bow + own + off[0], 0])
        curve = (
            (1 - time) ** 2 * (root + np.array([off[0], 0]))
            + 2 * time * (1 - time) * middle
            + time**2 * (tip + off * 0.7)
        )
        tone = shaded(colour, rng.uniform(0.6, 1.5))
        thick = float(rng.uniform(0.003, 0.02))
        for a, b in pairwise(curve):
            canvas.stroke((a[0], a[1]), (b[0], b[1]), thick, tone)
    return canvas


def sunglasses(rng: Rng, skin: Colour, texture: Image.Image) -> Canvas:
    """Two dark lenses, bridge and temples, over the eyes."""
    canvas, colour = Canvas(), shaded((60, 55, 55), rng.uniform(0.1, 1.2))
    wide, tall = float(rng.uniform(0.09, 0.125)), float(rng.uniform(0.06, 0.11))
    canvas.stroke((0.12, EYES[1] - 0.02), (0.88, EYES[1] - 0.02), 0.02, colour)
    for side in (-1, 1):
        centre = (EYES[0] + side * (APART / 2 + 0.005), EYES[1] + 0.01)
        if rng.random() < 0.5:
            canvas.ellipse(centre, (wide, tall), colour)
        else:
            rows = [(-1, -0.8), (1, -0.8), (0.9, 0.4), (0.5, 1), (-0.5, 1), (-0.9, 0.4)]
            canvas.polygon([(centre[0] + a * wide, centre[1] + b * tall) for a, b in rows], colour)
        canvas.ellipse(
            (centre[0] - 0.02, centre[1] - 0.02), (0.02, 0.012), shaded(colour, rng.uniform(1, 2.5))
        )
    return canvas


def blob(rng: Rng, skin: Colour, texture: Image.Image) -> Canvas:
    """A random shape with a texture from another picture."""
    canvas = Canvas()
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    radius = np.full(40, rng.uniform(0.12, 0.3))
    for wave in range(2, 6):
        radius = radius * (1 + rng.normal(0, 0.35 / wave) * np.cos(wave * angle + rng.uniform(0, 6.3)))
    shape = 0.5 + radius[:, None] * np.stack([np.cos(angle) * rng.uniform(0.5, 1.5), np.sin(angle)], 1)
    canvas.polygon(shape, (128, 128, 128))
    canvas.texture(texture)
    return canvas


Draw = Callable[[Rng, Colour, Image.Image], Canvas]
# Occluders placed anywhere at any angle, then those with a fixed place on the face; with probabilities.
LOOSE: tuple[tuple[Draw, float], ...] = (
    (hand, 12),
    (arm, 1.5),
    (microphone, 3),
    (cup, 1.5),
    (phone, 1.5),
    (stick, 1.5),
    (blob, 4),
)
PLACED: tuple[tuple[Draw, float], ...] = ((hat, 2), (scarf, 1.5), (hair, 4), (sunglasses, 1.5))
