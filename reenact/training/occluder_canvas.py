"""A canvas to draw an occluder: its colour with shading, and its coverage."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFilter

SIZE = 160
_SCALE = 2  # supersampling, for smooth edges
_SIDE = SIZE * _SCALE

Rng = np.random.Generator
Colour = tuple[int, int, int]
Point = tuple[float, float]


class Canvas:
    """A colour image and a coverage mask, drawn together; coordinates in [0, 1]."""

    def __init__(self) -> None:
        self.colour, self.cover = Image.new("RGB", (_SIDE, _SIDE)), Image.new("L", (_SIDE, _SIDE))
        self._colour, self._cover = ImageDraw.Draw(self.colour), ImageDraw.Draw(self.cover)

    def _inks(self, colour: Colour) -> tuple[tuple[ImageDraw.ImageDraw, Colour | int], ...]:
        return (self._colour, colour), (self._cover, 255)

    def polygon(self, points: NDArray[np.floating] | list[Point], colour: Colour) -> None:
        """A filled polygon."""
        places = [(float(x) * _SIDE, float(y) * _SIDE) for x, y in points]
        for draw, ink in self._inks(colour):
            draw.polygon(places, fill=ink)

    def ellipse(self, centre: Point, radius: Point, colour: Colour) -> None:
        """A filled axis-aligned ellipse."""
        (x, y), (a, b) = centre, radius
        box = [(x - a) * _SIDE, (y - b) * _SIDE, (x + a) * _SIDE, (y + b) * _SIDE]
        for draw, ink in self._inks(colour):
            draw.ellipse(box, fill=ink)

    def stroke(self, start: Point, end: Point, width: float, colour: Colour) -> None:
        """A line with round ends."""
        places = [(start[0] * _SIDE, start[1] * _SIDE), (end[0] * _SIDE, end[1] * _SIDE)]
        for draw, ink in self._inks(colour):
            draw.line(places, fill=ink, width=max(1, round(width * _SIDE)))
            for x, y in places:
                radius = width * _SIDE / 2
                draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=ink)

    def limb(self, start: Point, end: Point, widths: Point, colour: Colour, light: Point) -> None:
        """A shaded capsule that may taper: bright towards ``light``, dark at its rim."""
        for step in np.linspace(0, 1, 7):
            lit = shaded(colour, 0.62 + 0.42 * step)
            shift = np.array(light) * widths[0] * 0.22 * step
            for share in np.linspace(0, 0.75, 4):
                here, there = (
                    np.array(start) * (1 - at) + np.array(end) * at + shift for at in (share, share + 0.25)
                )
                width = (widths[0] * (1 - share) + widths[1] * share) * (1 - 0.8 * step)
                self.stroke((here[0], here[1]), (there[0], there[1]), width, lit)

    def texture(self, picture: Image.Image) -> None:
        """Replace the colour, with its shading, by a picture."""
        self.colour = picture.resize((_SIDE, _SIDE), Image.Resampling.BILINEAR)

    def finished(self, rng: Rng) -> NDArray[np.uint8]:
        """(SIZE, SIZE, 4) uint8 RGBA, with smooth random shading."""
        for grain in (8, 40):
            noise = Image.fromarray(rng.integers(232, 256, (grain, grain), np.uint8))
            noise = noise.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC).convert("RGB")
            self.colour = ImageChops.multiply(self.colour, noise)
        # Extend the colour beyond the edge, so that the smoothed edge is not dark.
        spread = self.colour.filter(ImageFilter.MaxFilter(5))
        self.colour = Image.composite(self.colour, spread, self.cover).filter(ImageFilter.GaussianBlur(1.2))
        picture = Image.merge("RGBA", (*self.colour.split(), self.cover))
        return np.asarray(picture.reduce(_SCALE))


def shaded(colour: Colour, factor: float) -> Colour:
    """A colour made darker or brighter."""
    red, green, blue = (int(min(255, value * factor)) for value in colour)
    return red, green, blue


def any_colour(rng: Rng) -> Colour:
    """A random colour, often dark or grey, as objects are."""
    level = int(rng.integers(10, 245))
    if rng.random() < 0.35:
        level = int(rng.integers(8, 70))
    spread = rng.integers(-60, 61, 3) if rng.random() < 0.5 else rng.integers(-8, 9, 3)
    red, green, blue = (int(value) for value in np.clip(level + spread, 0, 255))
    return red, green, blue


def hair_colour(rng: Rng) -> Colour:
    """A hair colour from black to blond and grey."""
    colours = (
        (20, 16, 15),
        (45, 32, 25),
        (85, 60, 42),
        (130, 95, 60),
        (190, 155, 105),
        (150, 148, 145),
        (110, 55, 35),
    )
    return shaded(colours[rng.integers(len(colours))], rng.uniform(0.6, 1.3))
