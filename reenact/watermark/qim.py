"""Quantization index modulation (QIM: Chen & Wornell, IEEE Trans. Information Theory 2001).

A coefficient is moved towards the nearest lattice point of its bit: the points of a 0 lie a quarter of a
step above a keyed lattice, those of a 1 a quarter below. The picture is therefore no noise to the detector.
Where a change would be visible the coefficient is moved only part of the way and weighted less in detection.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reenact.types import FloatArray
from reenact.watermark.code import CODED_BITS, Bits
from reenact.watermark.lapped_transform import HOP, analyze, blocks
from reenact.watermark.pattern import Layout
from reenact.watermark.residual import block_means

STEP = 85.0  # of the lattice, levels times pixels; 8 more of a coefficient are at most 1 level of a pixel
_CELL = HOP // 2  # pixels
_FLAT, _MORE = 0.2, 0.35  # strength on flat ground, and gain per variance of low-frequency texture


def embed_offsets(luma: FloatArray, plan: Layout, word: Bits, strength: float) -> FloatArray:
    """Changes to the coefficients of a picture, (block rows, block columns, COEFFICIENTS) float32.

    Args:
        luma: (H, W) levels.
        plan: of the picture's blocks.
        word: the codeword (CODED_BITS,).
        strength: global factor, see ``embed_strength``.
    """
    symbols = (1 - 2 * word[plan.bit_index].astype(np.float32)) * plan.scramble
    positions = analyze(luma) / STEP - plan.offsets - symbols / 4
    return np.asarray(
        (np.rint(positions) - positions) * STEP * embed_strength(luma, strength)[..., None], np.float32
    )


def soft_bits(luma: FloatArray, plan: Layout, contrasts: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Soft bits of a picture (H, W): positive for a 0, negative for a 1.

    For each of ``contrasts`` (C,), by which its levels may have been multiplied, returns the soft word
    (CODED_BITS,) and how well the coefficients fit the lattice points of either bit, in standard deviations
    above chance: (C, CODED_BITS) and (C,).
    """
    positions = analyze(luma) / (STEP * contrasts[:, None, None, None]) - plan.offsets
    weights = embed_strength(luma)[..., None].repeat(positions.shape[-1], -1)
    symbols = np.sin(2 * np.pi * positions) * plan.scramble * weights
    words = [np.bincount(plan.bit_index.reshape(-1), each.reshape(-1), CODED_BITS) for each in symbols]
    reliability = _reliability(weights)
    fits = -(np.cos(4 * np.pi * positions) * reliability).sum((1, 2, 3))
    return np.array(words, np.float32), np.asarray(fits / np.sqrt(np.square(reliability).sum() / 2 + 1e-9))


def lattice_phases(luma: FloatArray) -> NDArray[np.complex64]:
    """Weighted phases of the coefficients of a picture (H, W): (rows, columns, COEFFICIENTS) complex64.

    The angle is doubled, so that both bits have the same phase: in reliable blocks of a marked picture it is
    near that of -exp(4 pi i offset).
    """
    reliability = _reliability(embed_strength(luma))[..., None]
    return np.asarray(reliability * np.exp(4j * np.pi / STEP * analyze(luma)), np.complex64)


def embed_strength(luma: FloatArray, strength: float = 1) -> FloatArray:
    """Share of the way that coefficients are moved: (block rows, block columns) float32 in (0, 1].

    A low frequency is masked by texture of similar frequency, not by grain: the measure is the variance of
    the means of 4 x 4 pixels in each cell of 8 x 8. A block takes the harmonic mean of its cells, so that
    flat ground beside an edge, where a change is seen first, limits the whole block. The detector weights
    with a strength of 1 and does not need to know the one used for embedding.
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
    """Expected concentration of coefficients around the lattice points of either bit, 0 to 1.

    A coefficient moved by the share a lies within (1 - a) / 2 of a step around its point, uniformly; the mean
    of cos(4 pi x) over that interval is a sinc. Those moved less than halfway are not used.
    """
    return np.maximum(np.sinc(2 * (1 - weights)), 0)
