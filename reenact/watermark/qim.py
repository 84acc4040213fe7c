"""Bits as places on a lattice: the picture is no noise to the mark, since the mark is made for the picture.

The amount of a wave in the picture is moved to the nearest point that says the bit: the points of a 0 lie a
quarter of a step above those of a keyed lattice, those of a 1 a quarter below (quantisation index modulation:
Chen & Wornell, IEEE Trans. Information Theory 2001). Where a change would be seen it is moved only a part of
the way, and counts for less when it is read.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reenact.types import FloatArray
from reenact.watermark.code import CODED_BITS, Bits
from reenact.watermark.lapped_transform import HOP, analyze, blocks
from reenact.watermark.pattern import Layout
from reenact.watermark.residual import block_means

STEP = 85.0  # of the lattice, in levels times pixels; a wave moved by 8 changes a pixel by 1 level at most
_CELL = HOP // 2  # pixels
_FLAT, _MORE = 0.2, 0.35  # of the way on flat ground, and more for each of the variance of slow texture


def embed_offsets(luma: FloatArray, plan: Layout, word: Bits, strength: float) -> FloatArray:
    """How far each wave of a picture is to be moved, as ``lapped.drawn`` takes it.

    Args:
        luma: (H, W) levels.
        plan: of the picture's blocks.
        word: the codeword (CODED_BITS,).
        strength: of ``embed_strength``.
    """
    symbols = (1 - 2 * word[plan.bit_index].astype(np.float32)) * plan.scramble
    positions = analyze(luma) / STEP - plan.offsets - symbols / 4
    return np.asarray(
        (np.rint(positions) - positions) * STEP * embed_strength(luma, strength)[..., None], np.float32
    )


def soft_bits(luma: FloatArray, plan: Layout, contrasts: FloatArray) -> tuple[FloatArray, FloatArray]:
    """What a picture (H, W) says about each bit, above 0 for a 0, if its levels were multiplied.

    Returns, for each of ``contrasts``, by which they may have been, the word (CODED_BITS,) and how well the
    waves lie on the points of either bit, in standard deviations above chance.
    """
    positions = analyze(luma) / (STEP * contrasts[:, None, None, None]) - plan.offsets
    weights = embed_strength(luma)[..., None].repeat(positions.shape[-1], -1)
    symbols = np.sin(2 * np.pi * positions) * plan.scramble * weights
    words = [np.bincount(plan.bit_index.reshape(-1), each.reshape(-1), CODED_BITS) for each in symbols]
    reliability = _reliability(weights)
    fits = -(np.cos(4 * np.pi * positions) * reliability).sum((1, 2, 3))
    return np.array(words, np.float32), np.asarray(fits / np.sqrt(np.square(reliability).sum() / 2 + 1e-9))


def lattice_phases(luma: FloatArray) -> NDArray[np.complex64]:
    """How the waves of a picture (H, W) lie to the points of either bit: (rows, columns, WAVES).

    For a marked picture it is near -exp(4 pi i offset), whatever the bits are, in blocks that tell it.
    """
    reliability = _reliability(embed_strength(luma))[..., None]
    return np.asarray(reliability * np.exp(4j * np.pi / STEP * analyze(luma)), np.complex64)


def embed_strength(luma: FloatArray, strength: float = 1) -> FloatArray:
    """How far of the way each block of a picture (H, W) is moved: (rows, columns), up to 1.

    A slow wave is hidden by texture about as slow, not by grain: what counts is the variance of the means of
    4 x 4 pixels in each cell of 8 x 8. The mean over a block is the harmonic one, so that flat ground beside
    an edge, where a change is seen first, makes the whole block count as nearly flat. The detector weighs
    with a strength of 1 and so needs not know which one a picture was marked with.
    """
    rows, columns = blocks(luma)
    high, wide = (length // _CELL * _CELL for length in luma.shape)
    slow = block_means(luma[:high, :wide], _CELL // 2)
    inverse = 1 / (
        _FLAT + _MORE * np.maximum(block_means(np.square(slow), 2) - np.square(block_means(slow, 2)), 0)
    )
    # Over the 4 x 4 cells of a block, as its window weighs them.
    for axis, count in enumerate((rows, columns)):
        first = 2 * np.arange(count)
        inverse = np.asarray(
            sum(weight / 6 * inverse.take(first + at, axis) for at, weight in enumerate((1, 2, 2, 1)))
        )
    return np.asarray(np.minimum(strength / inverse, 1), np.float32)


def _reliability(weights: FloatArray) -> FloatArray:
    """How much a block says about where the lattice lies: its waves then lie on the points of either bit.

    Moved a share a of the way they lie around them by (1 - a) / 2 of a step evenly; the mean of
    cos(4 pi x) over that is a sinc. Those moved less than halfway say nothing that could be relied on.
    """
    return np.maximum(np.sinc(2 * (1 - weights)), 0)
