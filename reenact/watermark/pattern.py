"""The keyed tile: dither and coded bit of each coefficient, and pilot chips for synchronisation.

The tile repeats over the picture, so that a crop can be located (Kutter, SPIE 3528, 1998). Everything comes
from SHAKE-256 of the key, which does not depend on the version of any library.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from reenact.types import FloatArray
from reenact.watermark.code import CODED_BITS
from reenact.watermark.lapped_transform import COEFFICIENTS, HOP

CHIP = 4  # pixels; half of that is still seen after scaling to one half
SIDE = 64  # chips of a tile
TILE = CHIP * SIDE  # pixels
BLOCKS = TILE // HOP  # of a tile's side


@dataclass(frozen=True)
class Layout:
    """Keyed values of each coefficient of a tile, or of a picture: (rows, columns, COEFFICIENTS)."""

    offsets: FloatArray  # dither of the lattice, in [0, 1) of its step
    bit_index: NDArray[np.intp]  # which bit of the codeword it carries
    scramble: FloatArray  # +-1, decorrelates the codeword from its own structure

    def spread(self, rows: int, columns: int, first: tuple[int, int] = (0, 0)) -> Layout:
        """The layout of a picture of that many blocks, the first of which is block ``first`` of a tile."""
        at = np.ix_((np.arange(rows) + first[0]) % BLOCKS, (np.arange(columns) + first[1]) % BLOCKS)
        return Layout(self.offsets[at], self.bit_index[at], self.scramble[at])


@lru_cache(maxsize=16)
def layout(key: bytes) -> Layout:
    """The layout of a key's tile."""
    shape = (BLOCKS, BLOCKS, COEFFICIENTS)
    count = BLOCKS * BLOCKS * COEFFICIENTS
    drawn = np.frombuffer(hashlib.shake_256(b"reenact waves" + key).digest(17 * count), np.uint8)
    order, offsets, scramble = np.split(drawn, (8 * count, 16 * count))
    bit_index = order.view(">u8").argsort(kind="stable") % CODED_BITS
    return Layout(
        (offsets.view(">u8") / 2.0**64).astype(np.float32).reshape(shape),
        bit_index.reshape(shape),
        _plus_minus(scramble).reshape(shape),
    )


@lru_cache(maxsize=16)
def pilots(key: bytes) -> FloatArray:
    """Pilot chips (SIDE, SIDE) of +-1, the same for every id, by which the tile is located."""
    drawn = hashlib.shake_256(b"reenact pilots" + key).digest(SIDE * SIDE)
    return _plus_minus(np.frombuffer(drawn, np.uint8)).reshape(SIDE, SIDE)


def fold(residual: FloatArray) -> FloatArray:
    """Add up all tiles (H, W) -> (TILE, TILE)."""
    rows, columns = (-length % TILE for length in residual.shape)
    padded = np.pad(residual, ((0, rows), (0, columns)))
    folded: FloatArray = padded.reshape(-1, TILE, padded.shape[1] // TILE, TILE).sum((0, 2))
    return folded


def enlarge(chips: FloatArray) -> FloatArray:
    """Chips (h, w) as pixels (CHIP h, CHIP w)."""
    return chips.repeat(CHIP, 0).repeat(CHIP, 1)


def _plus_minus(drawn: NDArray[np.uint8]) -> FloatArray:
    return 1 - 2 * (drawn & 1).astype(np.float32)
