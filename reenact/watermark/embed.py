"""Embedding: the watermark is added to frames one by one.

The same change is added to several frames in a row: that costs a codec little, and the first frame of a
clip, which a codec keeps best, carries the most information. The change is stronger in textured regions,
which mask it (Podilchuk & Zeng, IEEE JSAC 1998).

Why our own watermark: of the packages that need no download, blind-watermark reads back only at the exact
size, without a search for crop or scale, and takes seconds for a frame; blind-video-watermark needs OpenCV
and is unmaintained since 2022; the neural ones (VideoSeal, TrustMark) need torch and download weights.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

import numpy as np

from reenact.errors import InvalidOption
from reenact.types import FloatArray, Picture
from reenact.watermark.code import ID_BITS, encode
from reenact.watermark.lapped_transform import blocks, synthesize
from reenact.watermark.pattern import CHIP, SIDE, enlarge, layout, pilots
from reenact.watermark.qim import embed_offsets
from reenact.watermark.residual import block_means, luma_of

PUBLIC_KEY = b"reenact, public watermark key, 1"  # lets any installation recognise a result
_MAX_RMS = 1.95  # root mean square in levels, before rounding; with it a frame keeps 42 dB
# Strength, and the pixels from which a frame has more coefficients than the id needs and is changed less.
_STRENGTH, _FULL_STRENGTH_PIXELS = 0.8, 131_000
_REFRESH_FRAMES = 8  # frames that share one change; a face moves little meanwhile
_PILOTS = (0.2, 0.1, 1.2)  # levels: minimum, gain per local standard deviation, maximum


@dataclass(frozen=True)
class Watermark:
    """What to put into a clip, and with which key."""

    id: int = field(default_factory=lambda: secrets.randbits(ID_BITS))  # below 2^64
    key: bytes = PUBLIC_KEY  # whoever has it can detect the mark and make it

    def __post_init__(self) -> None:
        """Check the id; raises InvalidOption."""
        if not 0 <= self.id < 1 << ID_BITS:
            raise InvalidOption(f"The id of a watermark is from 0 to 2^64 - 1, not {self.id}.")


class Marker:
    """Puts one id into the frames of one clip."""

    def __init__(self, watermark: Watermark) -> None:
        """For one clip: the current change is kept between frames."""
        self._word, self._key = encode(watermark.id, watermark.key), watermark.key
        self._frame_count = 0
        self._up = self._down = self._ceiling = np.zeros(0, np.uint8)

    def mark(self, frame: Picture) -> Picture:
        """The frame (H, W, 3) uint8 with the mark; a new array."""
        if self._frame_count % _REFRESH_FRAMES == 0:
            self._up, self._down = self._compute_changes(frame)
            self._ceiling = 255 - self._up
        self._frame_count += 1
        # Saturating arithmetic in bytes: far faster than going through wider numbers and clipping.
        marked = np.minimum(frame, self._ceiling)
        marked += self._up
        np.maximum(marked, self._down, out=marked)
        marked -= self._down
        return marked

    def _compute_changes(self, frame: Picture) -> tuple[Picture, Picture]:
        """Levels to add and to subtract, (H, W, 3) uint8 each; equal in all channels, which keeps the hue."""
        luma = luma_of(frame)
        height, width = luma.shape
        plan = layout(self._key).spread(*blocks(luma))
        strength = _STRENGTH * min(1, (_FULL_STRENGTH_PIXELS / luma.size) ** 0.25)
        levels = synthesize(embed_offsets(luma, plan, self._word, strength), height, width) + _pilots(
            luma, self._key
        )
        levels *= min(_MAX_RMS / (float(np.sqrt(np.square(levels).mean())) + 1e-9), 1.0)
        whole = np.rint(levels).astype(np.int8)
        up, down = (np.maximum(change, 0).astype(np.uint8) for change in (whole, -whole))
        return up[..., None].repeat(3, 2), down[..., None].repeat(3, 2)


def _pilots(luma: FloatArray, key: bytes) -> FloatArray:
    """Levels of the pilots (H, W), by the standard deviation in each chip."""
    height, width = luma.shape
    padded = np.pad(luma, ((0, -height % CHIP), (0, -width % CHIP)), mode="edge")
    mean, square = block_means(padded, CHIP), block_means(np.square(padded), CHIP)
    least, gain, most = _PILOTS
    levels = np.minimum(least + gain * np.sqrt(np.maximum(square - mean * mean, 0)), most)
    rows, columns = (-(-length // SIDE) for length in levels.shape)
    levels *= np.tile(pilots(key), (rows, columns))[: levels.shape[0], : levels.shape[1]]
    return enlarge(levels)[:height, :width]
