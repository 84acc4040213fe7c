"""The keyed tile: chips, each of which says one bit of the codeword or helps to find the tile.

Spread spectrum (Cox, Kilian, Leighton, Shamoon: Secure Spread Spectrum Watermarking for Multimedia, IEEE TIP
1997), laid out as a tile that repeats so that a crop can be found again (Kutter, SPIE 3528, 1998). Everything
is drawn from SHAKE-256 of the key, which gives the same tile with every version of every library.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from reenact.provenance.code import CODED_BITS, Bits
from reenact.types import FloatArray

CHIP = 4  # pixels; half of that is still seen after scaling to one half
SIDE = 32  # chips of a tile
TILE = CHIP * SIDE  # pixels
PILOTS = 160  # chips that are the same for every id; they tell where the tile lies


@dataclass(frozen=True)
class Layout:
    """What the chips of a key's tile mean. ``signs`` (1024,) +-1 hides the codeword's own regularity."""

    pilots: NDArray[np.intp]  # (PILOTS,) chip numbers
    carriers: NDArray[np.intp]  # (1024 - PILOTS,) chip numbers
    meaning: NDArray[np.intp]  # bit of the codeword that each carrier repeats
    signs: FloatArray


@lru_cache(maxsize=16)
def layout(key: bytes) -> Layout:
    """The layout of a key."""
    count = SIDE * SIDE
    drawn = hashlib.shake_256(b"reenact tile" + key).digest(9 * count)
    order = np.argsort(np.frombuffer(drawn[: 8 * count], ">u8"), kind="stable")
    signs = 1 - 2 * (np.frombuffer(drawn[8 * count :], np.uint8) & 1).astype(np.float32)
    carriers = order[PILOTS:]
    return Layout(order[:PILOTS], carriers, np.arange(len(carriers)) % CODED_BITS, signs)


def tile(word: Bits, key: bytes) -> FloatArray:
    """The tile (SIDE, SIDE) of +-1 that carries a codeword."""
    plan = layout(key)
    chips = plan.signs.copy()
    chips[plan.carriers] *= 1 - 2 * word[plan.meaning].astype(np.float32)
    return chips.reshape(SIDE, SIDE)


def pilot_tile(key: bytes) -> FloatArray:
    """The tile (TILE, TILE) in pixels with the pilots alone, 0 elsewhere."""
    plan = layout(key)
    chips = np.zeros(SIDE * SIDE, np.float32)
    chips[plan.pilots] = plan.signs[plan.pilots]
    return enlarge(chips.reshape(SIDE, SIDE))


def soft_bits(chips: FloatArray, key: bytes) -> FloatArray:
    """What received chips (SIDE, SIDE) say about each bit of the codeword: (CODED_BITS,), above 0 for a 0."""
    plan = layout(key)
    carried = (chips.reshape(-1) * plan.signs)[plan.carriers]
    return np.bincount(plan.meaning, carried, CODED_BITS).astype(np.float32)


def as_chips(values: FloatArray, key: bytes) -> FloatArray:
    """A value for each bit of the codeword as (SIDE, SIDE) at the chips that repeat it; pilots get 1."""
    plan = layout(key)
    chips = np.ones(SIDE * SIDE, np.float32)
    chips[plan.carriers] = values[plan.meaning]
    return chips.reshape(SIDE, SIDE)


def fold(residual: FloatArray) -> FloatArray:
    """Add up all tiles (H, W) -> (TILE, TILE)."""
    rows, columns = (-length % TILE for length in residual.shape)
    padded = np.pad(residual, ((0, rows), (0, columns)))
    folded: FloatArray = padded.reshape(-1, TILE, padded.shape[1] // TILE, TILE).sum((0, 2))
    return folded


def chip_sums(folded: FloatArray) -> FloatArray:
    """The sum over each chip of a tile that begins at its corner: (SIDE, SIDE)."""
    chips: FloatArray = folded.reshape(SIDE, CHIP, SIDE, CHIP).sum((1, 3))
    return chips


def enlarge(chips: FloatArray) -> FloatArray:
    """Chips (h, w) as pixels (CHIP h, CHIP w)."""
    return chips.repeat(CHIP, 0).repeat(CHIP, 1)
