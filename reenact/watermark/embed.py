"""The watermark into frames, one by one.

What is added is kept for a few frames: a change that stays costs a codec little, and the first frame of a
clip, which a codec keeps best, says most. It is stronger where the picture is busy and the eye does not see
it (Podilchuk & Zeng, IEEE JSAC 1998).

Why an own one: of the packages that need no download, blind-watermark reads back only at the exact size,
without a search for crop or scale, and takes seconds for a frame; blind-video-watermark needs OpenCV and was
left in 2022; the neural ones (VideoSeal, TrustMark) bring torch and fetch weights from a hub.
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

PUBLIC_KEY = b"reenact, public watermark key, 1"  # so that any installation can recognise a result
_MAX_RMS = 1.95  # root mean square in levels, before rounding; with it a frame keeps 42 dB
# How far waves are moved. A frame of more pixels than this has more waves than it takes to say the id.
_STRENGTH, _FULL_STRENGTH_PIXELS = 0.8, 131_000
_REFRESH_FRAMES = 8  # frames for which the changes are kept; faces do not go far meanwhile
_PILOTS = (0.2, 0.1, 1.2)  # levels: at least, more for each of local standard deviation, at most


@dataclass(frozen=True)
class Watermark:
    """What to put into a clip, and with which key."""

    id: int = field(default_factory=lambda: secrets.randbits(ID_BITS))  # below 2^64
    key: bytes = PUBLIC_KEY  # who has it can find the mark, and make it

    def __post_init__(self) -> None:
        """Check the id; raises InvalidOption."""
        if not 0 <= self.id < 1 << ID_BITS:
            raise InvalidOption(f"The id of a watermark is from 0 to 2^64 - 1, not {self.id}.")


class Marker:
    """Puts one id into the frames of one clip."""

    def __init__(self, watermark: Watermark) -> None:
        """For one clip: what the frames so far look like is remembered."""
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
        """What is added and what is taken away, (H, W, 3) uint8 each; all channels alike, so hue stays."""
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
    """The pilots' levels (H, W), by the standard deviation in each chip."""
    height, width = luma.shape
    padded = np.pad(luma, ((0, -height % CHIP), (0, -width % CHIP)), mode="edge")
    mean, square = block_means(padded, CHIP), block_means(np.square(padded), CHIP)
    least, gain, most = _PILOTS
    levels = np.minimum(least + gain * np.sqrt(np.maximum(square - mean * mean, 0)), most)
    rows, columns = (-(-length // SIDE) for length in levels.shape)
    levels *= np.tile(pilots(key), (rows, columns))[: levels.shape[0], : levels.shape[1]]
    return enlarge(levels)[:height, :width]
