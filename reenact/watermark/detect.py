"""Blind detection: the watermark is read from frames without the original.

placement of the tile -> soft bits of the first frame, or of several -> codeword -> id, if its tag is right

At most ``MAX_CANDIDATES`` words are decoded for a clip. Each passes by chance with probability 2^-28, so a
clip without the mark is taken for a marked one with probability ``MAX_CANDIDATES`` * 2^-28 = 2.4e-7.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from reenact.types import FloatArray, Picture
from reenact.watermark.code import TAG_FALSE_ACCEPT_RATE, decode, encode
from reenact.watermark.embed import PUBLIC_KEY
from reenact.watermark.places import TilePlacement, candidate_placements
from reenact.watermark.sampling import Sample

MAX_CANDIDATES = 64
FALSE_POSITIVE_RATE = MAX_CANDIDATES * TAG_FALSE_ACCEPT_RATE
_MIN_SIDE = 64  # pixels of a side: smaller frames have too few coefficients
_AGREEMENT_THRESHOLD = 3.0  # standard deviations
# Contrast changes that are assumed: levels multiplied by 0.68 to 1.48; the middle one is 1.
_UNIT_CONTRAST = 13
_CONTRASTS = np.exp(0.03 * np.arange(-_UNIT_CONTRAST, _UNIT_CONTRAST + 1))
_CONTRAST_MARGIN = 1.0  # standard deviations by which another contrast must fit better than 1


@dataclass(frozen=True)
class DetectedMark:
    """A watermark that was found."""

    id: int  # below 2^64
    confidence: float  # share of coded bits that were right before correction, 0.5 to 1
    frames: int  # frames that were examined
    agreeing: int  # of them, those that show this mark by themselves, by three standard deviations
    scale: float  # of the clip relative to the original result
    mirrored: bool


def detect(
    frames: Callable[[], Iterator[Picture]], key: bytes = PUBLIC_KEY, count: int | None = None
) -> DetectedMark | None:
    """Find the watermark of a clip; None where there is none, or where it can no longer be read.

    Args:
        frames: opens the clip; called again to count the frames that agree.
        key: the one it was marked with.
        count: how many frames there are, as far as that is known.
    """
    return detect_in_sample(Sample(frames, count), key)


def detect_in_sample(sample: Sample, key: bytes) -> DetectedMark | None:
    """``detect`` in frames that were already decoded."""
    if min(sample.lumas[0].shape) < _MIN_SIDE:
        return None
    words = (
        each
        for placement in candidate_placements(sample, key)
        for each in _candidate_words(sample, placement, key)
    )
    for placement, contrast, soft in islice(words, MAX_CANDIDATES):
        id = decode(soft, key)
        if id is not None:
            return _measure_agreement(id, soft, placement, contrast, sample, key)
    return None


def _candidate_words(
    sample: Sample, placement: TilePlacement, key: bytes
) -> Iterator[tuple[TilePlacement, float, FloatArray]]:
    """Soft words (CODED_BITS,) to decode at a placement, and the contrast at which they were read.

    After strong compression the first frame alone is the most reliable: a codec keeps it best and predicts
    the others from it. After weak compression all frames together are.
    """
    read = [placement.soft_bits(placement.upright(luma), key, _CONTRASTS) for luma in sample.lumas]
    soft, fits = (np.array(each) for each in zip(*read, strict=True))
    for weights in sample.weights:
        fit = weights @ fits
        best = int(fit.argmax())
        likely = best if fit[best] > fit[_UNIT_CONTRAST] + _CONTRAST_MARGIN else _UNIT_CONTRAST
        for at in {_UNIT_CONTRAST, likely} if placement.score == np.inf else {likely}:
            yield placement, float(_CONTRASTS[at]), np.tensordot(weights, soft[:, at], 1).astype(np.float32)


def _measure_agreement(
    id: int, soft: FloatArray, placement: TilePlacement, contrast: float, sample: Sample, key: bytes
) -> DetectedMark:
    """Count the bits and frames that agree with a decoded id."""
    symbols = 1 - 2 * encode(id, key).astype(np.float32)
    right = float(np.mean(soft * symbols > 0))
    scores = []
    for luma in sample.all_lumas():
        found = placement.soft_bits(placement.upright(luma), key, np.array([contrast]))[0][0]
        scores.append(float((found * symbols).sum() / (np.sqrt(np.square(found).sum()) + 1e-9)))
    agreeing = sum(score > _AGREEMENT_THRESHOLD for score in scores)
    return DetectedMark(id, round(right, 4), len(scores), agreeing, placement.scale, placement.mirrored)
