"""The layers of a mouth's inside, composited from back to front.

All distances are in eye distances: the distance of the outer eye corners.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from reenact.mouth.light import Light
from reenact.mouth.shading import alpha_over, blur, polygon, smoothstep
from reenact.mouth.teeth import Teeth
from reenact.types import FloatArray, Picture

_CAVITY = np.array([34, 15, 14], np.float32)
_TONGUE = np.array([146, 92, 90], np.float32)
_LOWER = (150, 60)  # width and height of the strip of lower teeth
_LOWER_WIDTH, _LOWER_EDGE = 0.44, 6.0  # its width in eye distances, and the row of its biting edge
_LOWER_SIZES = np.array([1.0, 1.05, 0.95, 0.86, 0.8, 0.82, 0.88, 0.97, 1.02, 1.0])  # widths of ten teeth
LIP_SHADE = 0.88  # brightness of teeth behind lips over that of equal white outside
_ENAMEL = np.array([236, 224, 204], np.float32)


@dataclass(frozen=True)
class MouthRegion:
    """The region of one frame around the mouth, (H, W), and its geometry.

    ``left`` and ``top`` are its position in the frame. Per pixel, ``soft`` is the coverage by the inside of
    the lips, ``occlusion`` the share of light that arrives, ``depth`` the distance below the upper lip,
    ``rise`` that above the lower lip, ``across`` that from the midline. ``gap`` and ``width`` are the
    mouth's. In pixels of the region, ``edge`` (2,) is the upper incisors' edge, ``lower`` (2,) the lower lip;
    ``right`` (2,) is the unit vector towards the picture's right. ``eyes`` is the eye distance in pixels.
    """

    left: int
    top: int
    soft: FloatArray
    occlusion: FloatArray
    depth: FloatArray
    rise: FloatArray
    across: FloatArray
    gap: float
    width: float
    edge: FloatArray
    lower: FloatArray
    right: FloatArray
    eyes: float

    @classmethod
    def from_outline(
        cls, outline: FloatArray, ring: FloatArray, edge: FloatArray, eyes: float, side: int
    ) -> MouthRegion:
        """The region around an outline (N, 2) of inner lips, whose 20 points are ``ring``, in pixels."""
        margin = 0.12 * eyes
        low = np.floor(outline.min(0) - margin).clip(0, side - 2)
        high = np.ceil(outline.max(0) + margin).clip(low + 2, side)
        width, height = (int(value) for value in high - low)
        covered = polygon(outline - low, width, height)
        upper, lower, right = ring[5] - low, ring[15] - low, ring[10] - ring[0]
        right = right / (np.linalg.norm(right) + 1e-6)
        down = np.array([-right[1], right[0]])
        y, x = np.mgrid[:height, :width].astype(np.float32) + 0.5

        def along(direction: FloatArray, origin: FloatArray) -> FloatArray:
            return np.asarray(
                ((x - origin[0]) * direction[0] + (y - origin[1]) * direction[1]) / eyes, np.float32
            )

        return cls(
            int(low[0]),
            int(low[1]),
            blur(covered, max(0.6, 0.008 * eyes)),
            0.5 + 0.5 * smoothstep(blur(covered, max(1.0, 0.03 * eyes)), 0.3, 0.9),
            along(down, upper),
            along(-down, lower),
            along(right, edge - low),
            float(np.linalg.norm(lower - upper)) / eyes,
            float(np.linalg.norm(ring[10] - ring[0])) / eyes,
            np.asarray(edge - low, np.float32),
            np.asarray(lower, np.float32),
            np.asarray(right, np.float32),
            eyes,
        )

    def blend(self, picture: Picture, inside: FloatArray, strength: float) -> Picture:
        """The whole frame with ``inside`` composited between the lips."""
        rows, columns = (
            slice(self.top, self.top + len(self.soft)),
            slice(self.left, self.left + self.soft.shape[1]),
        )
        part = alpha_over(picture[rows, columns].astype(np.float32), inside, self.soft * np.float32(strength))
        result = picture.copy()
        result[rows, columns] = np.clip(part + 0.5, 0, 255)
        return result

    def warp_strip(
        self,
        strip: Picture,
        matrix: NDArray[np.floating],
        anchor: tuple[float, float],
        at: NDArray[np.floating],
    ) -> FloatArray:
        """A strip (h, w, 4) uint8 warped to the region, float32; its point ``anchor`` maps to ``at``.

        ``matrix`` (2, 2) maps strip pixels to region pixels.
        """
        reduced = max(1, int(1 / (np.sqrt(abs(np.linalg.det(matrix))) + 1e-6)))
        image = Image.fromarray(strip).reduce(reduced) if reduced > 1 else Image.fromarray(strip)
        back = np.linalg.inv(matrix) / reduced
        shift = np.array(anchor) / reduced - back @ at
        numbers = (back[0, 0], back[0, 1], shift[0], back[1, 0], back[1, 1], shift[1])
        height, width = self.soft.shape
        placed = image.transform(
            (width, height), Image.Transform.AFFINE, tuple(map(float, numbers)), Image.Resampling.BILINEAR
        )
        return np.asarray(placed, np.float32)


def cavity(frame: MouthRegion, light: Light) -> FloatArray:
    """The dark throat, slightly lighter further down."""
    below = np.clip(frame.depth / max(frame.gap, 1e-3), 0, 1)
    return np.asarray(_CAVITY * light.flesh * (0.6 + 0.6 * below)[..., None], np.float32)


def tongue(frame: MouthRegion, inside: FloatArray, light: Light) -> FloatArray:
    """Draw the tongue's rounded surface with its groove, low in a mouth that is wide open."""
    x, y = frame.across / (0.36 * frame.width), (frame.rise + 0.02) / max(0.55 * frame.gap, 1e-3)
    radius = np.sqrt(x * x + y * y)
    groove = 1 - 0.25 * np.exp(-np.square(x / 0.12)) * np.clip(1 - y, 0, 1)
    shade = (0.42 + 0.38 * np.sqrt(np.clip(1 - radius**2, 0, 1))) * groove
    alpha = (1 - smoothstep(radius, 0.62, 1.1)) * smoothstep(frame.gap, 0.07, 0.16)
    return alpha_over(inside, _TONGUE * light.flesh * shade[..., None], alpha)


def lower_teeth(frame: MouthRegion, inside: FloatArray, light: Light) -> FloatArray:
    """Draw the lower teeth, just behind the lower lip."""
    shown = 0.035 * float(smoothstep(frame.gap, 0.08, 0.22)) * frame.eyes
    down = np.array([-frame.right[1], frame.right[0]])
    matrix = np.stack([frame.right, down], 1) * (_LOWER_WIDTH * frame.eyes / _LOWER[0])
    strip = frame.warp_strip(_lower_row(), matrix, (_LOWER[0] / 2, _LOWER_EDGE), frame.lower - down * shown)
    alpha = strip[..., 3] / 255 * smoothstep(frame.gap, 0.08, 0.14)
    shade = 0.74 - 0.4 * smoothstep(np.abs(frame.across), 0.06, 0.22)
    return alpha_over(inside, strip[..., :3] * light.white * shade[..., None], alpha)


def upper_teeth(
    frame: MouthRegion, inside: FloatArray, light: Light, teeth: Teeth, matrix: FloatArray
) -> FloatArray:
    """Draw the upper teeth; ``matrix`` (2, 2) maps strip pixels to frame pixels."""
    middle = (teeth.picture.shape[1] / 2, teeth.edge)
    strip = frame.warp_strip(teeth.picture, matrix, middle, frame.edge)
    sides = 1 - 0.55 * smoothstep(np.abs(frame.across), 0.1, 0.3)
    under_lip = 0.72 + 0.28 * smoothstep(frame.depth, 0, 0.06)
    return alpha_over(
        inside, strip[..., :3] * LIP_SHADE * light.white * (sides * under_lip)[..., None], strip[..., 3] / 255
    )


@lru_cache(maxsize=1)
def _lower_row() -> Picture:
    """Ten lower teeth in a slight arch, (60, 150, 4) uint8; mostly hidden by the lip."""
    width, height = _LOWER
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    edges = np.concatenate([[0], np.cumsum(_LOWER_SIZES / _LOWER_SIZES.sum())]) * width
    colour = np.tile(_ENAMEL, (height, width, 1))
    alpha = np.zeros((height, width), np.float32)
    for left, right in pairwise(edges):
        middle, half = (left + right) / 2, (right - left) / 2
        inside = np.abs(x - middle) <= half
        beside = np.clip(np.abs(x - middle) / half, 0, 1)
        arch = 26 * ((middle - width / 2) / width) ** 2
        below = y - (_LOWER_EDGE + arch + rng.normal(0, 0.8) + 1.4 * beside**3)
        tone = (1 - 0.16 * beside**4) * (0.86 + 0.14 * smoothstep(below, 0, 5)) * (1 + rng.normal(0, 0.025))
        colour[inside] = (_ENAMEL * tone[..., None])[inside]
        alpha[inside] = smoothstep(below, -1.3, 1.3)[inside]
    rgba = np.concatenate([np.clip(colour, 0, 255), 255 * blur(alpha, 0.6)[..., None]], -1)
    return np.asarray(np.rint(rgba), np.uint8)
