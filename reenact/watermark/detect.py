"""The watermark out of frames, without the original.

place of a tile -> waves of the first frame, and of more -> codeword -> id, if its proof holds

At most ``TRIES`` words are decoded for a clip, each of which passes by chance with 2^-28: a clip without the
mark is taken for a marked one with TRIES * 2^-28, which is 2.4e-7.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from reenact.types import FloatArray, Picture
from reenact.watermark.code import PROOF_ODDS, decode, encode
from reenact.watermark.embed import PUBLIC_KEY
from reenact.watermark.places import Place, places
from reenact.watermark.sampling import Sample

TRIES = 64
FALSE_ALARM = TRIES * PROOF_ODDS
_SMALLEST = 64  # pixels of a side: below, too few waves are left of any result
_AGREES = 3.0  # standard deviations
# What levels may have been multiplied by: .68 to 1.48; the one in the middle is 1.
_PLAIN = 13
_CONTRASTS = np.exp(0.03 * np.arange(-_PLAIN, _PLAIN + 1))
_PLAINER = 1.0  # standard deviations by which another contrast must fit better than the plain one


@dataclass(frozen=True)
class Mark:
    """A watermark that was found."""

    id: int  # below 2^64
    confidence: float  # share of the codeword's bits that were read rightly before correction, .5 to 1
    frames: int  # frames that were looked at
    agreeing: int  # those that by themselves show this mark, by three standard deviations
    scale: float  # of the clip against what was made
    mirrored: bool


def find_mark(
    frames: Callable[[], Iterator[Picture]], key: bytes = PUBLIC_KEY, count: int | None = None
) -> Mark | None:
    """The watermark of a clip, or None where there is none or it can no longer be read.

    Args:
        frames: opens the clip; called again to count what agrees.
        key: the one it was marked with.
        count: how many frames there are, as far as that is known.
    """
    return search(Sample(frames, count), key)


def search(sample: Sample, key: bytes) -> Mark | None:
    """The same in what was already decoded of a clip."""
    if min(sample.lumas[0].shape) < _SMALLEST:
        return None
    words = (each for place in places(sample, key) for each in _words(sample, place, key))
    for place, contrast, soft in islice(words, TRIES):
        id = decode(soft, key)
        if id is not None:
            return _mark(id, soft, place, contrast, sample, key)
    return None


def _words(sample: Sample, place: Place, key: bytes) -> Iterator[tuple[Place, float, FloatArray]]:
    """Words (CODED_BITS,) to decode at a place, and the contrast at which they were read.

    The first frame of a clip alone says most if a codec has been strict: it keeps that frame best, and moves
    its pixels about in the others. All together say most if it has been lenient.
    """
    heard = [place.heard(place.upright(luma), key, _CONTRASTS) for luma in sample.lumas]
    soft, fits = (np.array(each) for each in zip(*heard, strict=True))
    for weights in sample.weights:
        fit = weights @ fits
        best = int(fit.argmax())
        likely = best if fit[best] > fit[_PLAIN] + _PLAINER else _PLAIN
        for at in {_PLAIN, likely} if place.score == np.inf else {likely}:
            yield place, float(_CONTRASTS[at]), np.tensordot(weights, soft[:, at], 1).astype(np.float32)


def _mark(id: int, soft: FloatArray, place: Place, contrast: float, sample: Sample, key: bytes) -> Mark:
    """Count what agrees with a decoded id."""
    said = 1 - 2 * encode(id, key).astype(np.float32)
    right = float(np.mean(soft * said > 0))
    scores = []
    for luma in sample.again():
        found = place.heard(place.upright(luma), key, np.array([contrast]))[0][0]
        scores.append(float((found * said).sum() / (np.sqrt(np.square(found).sum()) + 1e-9)))
    agreeing = sum(score > _AGREES for score in scores)
    return Mark(id, round(right, 4), len(scores), agreeing, place.scale, place.mirrored)
