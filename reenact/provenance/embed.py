"""The watermark into frames, one by one.

Every frame gets the same tile, which costs a codec little and adds up over the frames. It is stronger where
the picture is busy and the eye does not see it (Podilchuk & Zeng, IEEE JSAC 1998), and in small frames, which
have few chips for a bit, it is stronger for the bits that the picture itself speaks against (Malvar &
Florencio, Improved Spread Spectrum, IEEE Trans. Signal Processing 2003).

Why an own one: of the packages that need no download, blind-watermark reads back only at the exact size,
without a search for crop or scale, and takes seconds for a frame; blind-video-watermark needs OpenCV and was
left in 2022; the neural ones (VideoSeal, TrustMark) bring torch and fetch weights from a hub.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

import numpy as np

from reenact.errors import InvalidOption
from reenact.provenance.code import ID_BITS, encode
from reenact.provenance.pattern import CHIP, SIDE, as_chips, chip_sums, fold, soft_bits, tile
from reenact.provenance.residual import residual
from reenact.types import FloatArray, Picture

PUBLIC_KEY = b"reenact, public watermark key, 1"  # so that any installation can recognise a result
_MOST_ERROR = 1.75  # root mean square in levels, before rounding; with it a frame keeps 42 dB
_LEAST_SHARE = 0.65  # of the strength, in large frames
_SMALL = 400_000  # pixels of a frame up to which the picture's own bits are looked at
_EMPHASIS = (0.4, 1.9)  # least and most of the factor
_REFRESH = 8  # frames for which the strengths are kept; faces do not go far meanwhile


@dataclass(frozen=True)
class Strength:
    """How many levels (of 255) the chips may change a pixel."""

    least: float = 0.9  # where the picture is flat
    most: float = 2.6
    gain: float = 0.12  # more for each level of local standard deviation
    emphasis: float = 0.8  # more for each standard deviation by which the picture speaks against a bit


STRENGTH = Strength()


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

    def __init__(self, watermark: Watermark, strength: Strength = STRENGTH) -> None:
        """For one clip: what the frames so far look like is remembered."""
        self._word, self._key = encode(watermark.id, watermark.key), watermark.key
        self._chips = tile(self._word, self._key)
        self._strength = strength
        self._seen = 0
        self._up = self._down = self._room = np.zeros(0, np.uint8)
        self._against = np.zeros(len(self._word), np.float32)  # what the pictures so far say against each bit

    def mark(self, frame: Picture) -> Picture:
        """The frame (H, W, 3) uint8 with the mark; a new array."""
        if self._seen % _REFRESH == 0:
            self._up, self._down = self._changes(frame)
        self._seen += 1
        # Saturating arithmetic in bytes: far faster than going through wider numbers and clipping.
        raised = np.minimum(frame, self._room) + self._up
        return np.maximum(raised, self._down) - self._down

    def _changes(self, frame: Picture) -> tuple[Picture, Picture]:
        """What is added and what is taken away, (H, W, 3) uint8 each; all channels alike, so hue stays."""
        levels = _strengths(frame, self._strength) * _share(frame)
        chips = self._chips
        if frame.shape[0] * frame.shape[1] <= _SMALL:
            chips = chips * self._emphasis(frame)
        rows, columns = (-(-length // SIDE) for length in levels.shape)
        levels *= np.tile(chips, (rows, columns))[: levels.shape[0], : levels.shape[1]]
        levels *= min(1.0, _MOST_ERROR / float(np.sqrt(np.square(levels).mean())))
        height, width = frame.shape[:2]
        fine = levels.repeat(CHIP, 0)[:height].repeat(CHIP, 1)[:, :width]
        whole = np.floor(fine + _thresholds(height, width)).astype(np.int8)
        colours = whole[..., None].repeat(3, 2)
        up = np.maximum(colours, 0).astype(np.uint8)
        self._room = 255 - up
        return up, np.maximum(-colours, 0).astype(np.uint8)

    def _emphasis(self, frame: Picture) -> FloatArray:
        """Factors (SIDE, SIDE): above 1 for the chips of bits that the picture speaks against."""
        soft = soft_bits(chip_sums(fold(residual(frame))), self._key)
        self._against -= soft * (1 - 2 * self._word.astype(np.float32))
        against = self._against / (self._against.std() + 1e-9)
        return as_chips(np.clip(1 + self._strength.emphasis * against, *_EMPHASIS), self._key)


def _share(frame: Picture) -> float:
    """How much of the strength is needed: a frame with more pixels has more chips for each bit."""
    height, width = frame.shape[:2]
    return float(np.clip((65536 / (height * width)) ** 0.25, _LEAST_SHARE, 1))


def _strengths(frame: Picture, strength: Strength) -> FloatArray:
    """Levels for each chip, from the standard deviation of the green channel in and around it."""
    height, width = frame.shape[:2]
    padding = ((0, -height % CHIP), (0, -width % CHIP))
    green = np.pad(frame[..., 1], padding, mode="edge").astype(np.float32)
    blocks = green.reshape(len(green) // CHIP, CHIP, -1, CHIP)
    mean, square = blocks.mean((1, 3)), np.square(blocks).mean((1, 3))
    deviation = np.sqrt(np.maximum(square - mean * mean, 0))
    return np.asarray(np.clip(strength.least + strength.gain * deviation, strength.least, strength.most))


def _thresholds(height: int, width: int) -> FloatArray:
    """Ordered thresholds in (0, 1) that turn parts of a level into a share of pixels (Bayer, 1973)."""
    bayer = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]], np.float32)
    whole = np.tile((bayer + 0.5) / 16, (-(-height // 4), -(-width // 4)))
    return np.asarray(whole[:height, :width], np.float32)
