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
_MIN_SIDE = 64  # pixels of a side: below, too few waves are left of any result
_AGREEMENT_THRESHOLD = 3.0  # standard deviations
# What levels may have been multiplied by: .68 to 1.48; the one in the middle is 1.
_UNIT_CONTRAST = 13
_CONTRASTS = np.exp(0.03 * np.arange(-_UNIT_CONTRAST, _UNIT_CONTRAST + 1))
_CONTRAST_MARGIN = 1.0  # standard deviations by which another contrast must fit better than the plain one


@dataclass(frozen=True)
class DetectedMark:
    """A watermark that was found."""

    id: int  # below 2^64
    confidence: float  # share of the codeword's bits that were read rightly before correction, .5 to 1
    frames: int  # frames that were looked at
    agreeing: int  # those that by themselves show this mark, by three standard deviations
    scale: float  # of the clip against what was made
    mirrored: bool


def detect(
    frames: Callable[[], Iterator[Picture]], key: bytes = PUBLIC_KEY, count: int | None = None
) -> DetectedMark | None:
    """The watermark of a clip, or None where there is none or it can no longer be read.

    Args:
        frames: opens the clip; called again to count what agrees.
        key: the one it was marked with.
        count: how many frames there are, as far as that is known.
    """
    return detect_in_sample(Sample(frames, count), key)


def detect_in_sample(sample: Sample, key: bytes) -> DetectedMark | None:
    """The same in what was already decoded of a clip."""
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
    """Words (CODED_BITS,) to decode at a place, and the contrast at which they were read.

    The first frame of a clip alone says most if a codec has been strict: it keeps that frame best, and moves
    its pixels about in the others. All together say most if it has been lenient.
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
    """Count what agrees with a decoded id."""
    symbols = 1 - 2 * encode(id, key).astype(np.float32)
    right = float(np.mean(soft * symbols > 0))
    scores = []
    for luma in sample.all_lumas():
        found = placement.soft_bits(placement.upright(luma), key, np.array([contrast]))[0][0]
        scores.append(float((found * symbols).sum() / (np.sqrt(np.square(found).sum()) + 1e-9)))
    agreeing = sum(score > _AGREEMENT_THRESHOLD for score in scores)
    return DetectedMark(id, round(right, 4), len(scores), agreeing, placement.scale, placement.mirrored)
