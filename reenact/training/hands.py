"""Hands and arms drawn in front of faces, for training."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from reenact.training.occluder_canvas import Canvas, Colour, Point, Rng, any_colour, shaded


def hand(rng: Rng, skin: Colour, texture: Image.Image) -> Canvas:
    """Arm, palm and one to five fingers pointing up, seen from the back or the palm."""
    canvas, light = Canvas(), (float(rng.uniform(-1, 1)), -0.5)
    wide, fist, nails = rng.uniform(0.10, 0.16), rng.random() < 0.25, rng.random() < 0.6
    palm = np.array([0.5, 0.62])
    canvas.limb(
        (0.5 + float(rng.uniform(-0.2, 0.2)), 1.15),
        (palm[0], palm[1] + 0.1),
        (wide * 1.7, wide * 1.4),
        skin,
        light,
    )
    canvas.limb(
        (palm[0] - wide * 0.6, palm[1]), (palm[0] - wide * 0.3, palm[1] + 0.12), (wide, wide), skin, light
    )
    canvas.limb(
        (palm[0] + wide * 0.6, palm[1]), (palm[0] + wide * 0.3, palm[1] + 0.12), (wide, wide), skin, light
    )
    canvas.limb((palm[0], palm[1]), (palm[0], palm[1] + 0.12), (wide * 1.7, wide * 1.5), skin, light)
    spread, fingers = rng.uniform(0.0, 0.28), int(rng.choice([1, 2, 3, 4, 4, 4, 4]))
    for place in rng.permutation(4)[:fingers]:
        offset = (place - 1.5) / 1.5
        start = palm + np.array([offset * wide * 0.95, -0.02 + 0.02 * abs(offset)])
        length = (0.09 if fist else rng.uniform(0.22, 0.34)) * (1 - 0.12 * abs(offset - 0.2))
        _finger(
            canvas, rng, start, offset * spread + rng.normal(0, 0.05), length, wide * 0.46, skin, light, nails
        )
    if rng.random() < 0.75:
        side = rng.choice([-1, 1])
        start = palm + np.array([side * wide * 1.0, 0.1])
        _finger(
            canvas,
            rng,
            start,
            side * rng.uniform(0.3, 1.1),
            rng.uniform(0.16, 0.24),
            wide * 0.52,
            skin,
            light,
            nails,
        )
    return canvas


def _finger(
    canvas: Canvas,
    rng: Rng,
    start: NDArray[np.floating],
    angle: float,
    length: float,
    width: float,
    skin: Colour,
    light: Point,
    nails: bool,
) -> None:
    """A finger of three segments, each bent a little further."""
    bend, tone = rng.normal(0, 0.12), shaded(skin, rng.uniform(0.88, 1.06))
    for part in range(3):
        end = start + np.array([np.sin(angle), -np.cos(angle)]) * length * (0.45, 0.32, 0.23)[part]
        widths = (width * (1 - 0.1 * part), width * (0.9 - 0.1 * part))
        canvas.limb((start[0], start[1]), (end[0], end[1]), widths, tone, light)
        if part and rng.random() < 0.5:
            across = np.array([np.cos(angle), np.sin(angle)]) * width * 0.3
            canvas.stroke(tuple(start - across), tuple(start + across), 0.006, shaded(tone, 0.72))
        start, angle = end, angle + bend
    if nails:
        colour = (
            shaded((min(255, tone[0] + 20), tone[1], tone[2]), 1.1) if rng.random() < 0.8 else any_colour(rng)
        )
        canvas.stroke(tuple(start), tuple(start + np.array([0, 0.012])), width * 0.5, colour)


def arm(rng: Rng, skin: Colour, texture: Image.Image) -> Canvas:
    """A bare or sleeved arm across the whole picture."""
    canvas = Canvas()
    colour = skin if rng.random() < 0.6 else any_colour(rng)
    width = rng.uniform(0.12, 0.32)
    canvas.limb(
        (-0.2, 0.5),
        (1.2, 0.5 + float(rng.normal(0, 0.05))),
        (width, width * 0.8),
        colour,
        (0.0, float(rng.choice([-1, 1]))),
    )
    return canvas
