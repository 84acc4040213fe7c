"""The watermark out of frames, without the original.

frames -> what differs from its surroundings, summed -> for every scale: folded to one tile -> pilots found by
correlation -> chips -> codeword -> id, if its proof holds

At most ``TRIES`` words are decoded for a clip, each of which passes by chance with 2^-28: a clip without the
mark is taken for a marked one with TRIES * 2^-28, which is 2.4e-7.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from PIL import Image

from reenact.errors import DrivingUnreadable
from reenact.provenance.code import PROOF_ODDS, decode, encode
from reenact.provenance.embed import PUBLIC_KEY
from reenact.provenance.pattern import TILE, chip_sums, fold, pilot_tile, soft_bits, tile
from reenact.provenance.residual import HALF_WINDOW, WINDOW, residual
from reenact.types import FloatArray, Picture

TRIES = 64
FALSE_ALARM = TRIES * PROOF_ODDS
_USUAL = (1.0, 0.5, 0.75, 2 / 3, 1.5, 2.0)  # scales that are tried first
HALF_BELOW = 0.72
_STEP = 1 / 200  # between two scales of the search
_LEAST, _MOST = 0.4, 2.1
_WINDOW = 640  # pixels of the middle that the search looks at
_FRAMES = 64  # looked at, evenly over the clip
_AGREES = 3.0  # standard deviations


@dataclass(frozen=True)
class Mark:
    """A watermark that was found."""

    id: int  # below 2^64
    confidence: float  # share of the codeword's bits that were read rightly before correction, .5 to 1
    frames: int  # frames that were looked at
    agreeing: int  # those that by themselves show this mark, by three standard deviations
    scale: float  # of the clip against what was made
    mirrored: bool


@dataclass(frozen=True)
class _Candidate:
    """A place where the tile may lie: pilots correlate with ``score`` standard deviations."""

    score: float
    chips: FloatArray
    scale: float
    mirrored: bool
    shift: tuple[int, int]


def find_mark(
    frames: Callable[[], Iterator[Picture]], key: bytes = PUBLIC_KEY, count: int | None = None
) -> Mark | None:
    """The watermark of a clip, or None where there is none or it can no longer be read.

    Args:
        frames: opens the clip; called again once a mark was found, to count the frames that agree.
        key: the one it was marked with.
        count: how many frames there are, as far as that is known; at most 64 are looked at.
    """
    step = max(1, (count or 1) // _FRAMES)
    totals = _totals(islice(frames(), 0, None, step))
    middles = {window: _middle(total) for window, total in totals.items()}
    left = TRIES
    for scales, views in ((_USUAL, totals), (_grid(), middles)):
        candidates = [each for scale in scales for each in _candidates(views[_window(scale)], scale, key)]
        best = sorted(candidates, key=lambda each: -each.score)[: TRIES // 2]
        for candidate in best[:left]:
            left -= 1
            soft = soft_bits(candidate.chips, key)
            id = decode(soft, key)
            if id is not None:
                again = islice(frames(), 0, None, step)
                return _mark(id, soft, candidate, again, key, views[WINDOW].shape)
    return None


def _mark(
    id: int,
    soft: FloatArray,
    candidate: _Candidate,
    frames: Iterator[Picture],
    key: bytes,
    view: tuple[int, ...],
) -> Mark:
    """Count what agrees with a decoded id."""
    word = encode(id, key)
    right = float(np.mean((soft < 0) == (word == 1)))
    chips = tile(word, key)
    scores = [_agreement(frame, candidate, chips, view) for frame in frames]
    agreeing = sum(score > _AGREES for score in scores)
    return Mark(id, round(right, 4), len(scores), agreeing, candidate.scale, candidate.mirrored)


def _agreement(frame: Picture, candidate: _Candidate, chips: FloatArray, view: tuple[int, ...]) -> float:
    """Standard deviations by which one frame alone shows the chips."""
    seen = residual(frame, _window(candidate.scale))
    folded = _fold(seen if seen.shape == view else _middle(seen), candidate.scale, candidate.mirrored)
    found = chip_sums(np.roll(folded, candidate.shift, (0, 1)))
    return float((found * chips).sum() / (np.sqrt(np.square(found).sum()) + 1e-9))


def _totals(frames: Iterator[Picture]) -> dict[int, FloatArray]:
    """What differs from its surroundings, summed over the frames: (H, W) float32 for each window."""
    totals: dict[int, FloatArray] = {}
    for frame in frames:
        for window in (WINDOW, HALF_WINDOW):
            seen = residual(frame, window)
            totals[window] = totals[window] + seen if window in totals else seen
    if not totals:
        raise DrivingUnreadable("The clip has no frames.")
    return totals


def _window(scale: float) -> int:
    """The window that suits a scale: it should cover about as many chips."""
    return HALF_WINDOW if scale < HALF_BELOW else WINDOW


def _candidates(total: FloatArray, scale: float, key: bytes) -> Iterator[_Candidate]:
    """The likeliest places of the tile at a scale, plain and mirrored, and the one of an uncropped clip."""
    spectrum = np.conj(np.fft.rfft2(pilot_tile(key)))
    for mirrored in (False, True):
        folded = _fold(total, scale, mirrored)
        folded = folded - folded.mean()
        match = np.fft.irfft2(np.fft.rfft2(folded) * spectrum, s=folded.shape)
        match /= match.std() + 1e-9
        for place in {0, *np.argpartition(match.reshape(-1), -2)[-2:].tolist()}:
            row, column = divmod(place, TILE)
            chips = chip_sums(np.roll(folded, (-row, -column), (0, 1)))
            # Most clips were not cropped: their place is known and must not depend on the pilots.
            known = place == 0 and not mirrored and scale in _USUAL[:2]
            score = np.inf if known else float(match[row, column])
            yield _Candidate(score, chips, scale, mirrored, (-row, -column))


def _fold(total: FloatArray, scale: float, mirrored: bool) -> FloatArray:
    """Bring to the original scale and add all tiles up: (TILE, TILE)."""
    if mirrored:
        total = total[:, ::-1]
    if scale != 1:
        height, width = (max(1, round(length / scale)) for length in total.shape)
        image = Image.fromarray(np.ascontiguousarray(total))
        total = np.asarray(image.resize((width, height), Image.Resampling.BICUBIC))
    return fold(total)


def _grid() -> tuple[float, ...]:
    """All scales of the search, the likelier (near 1) first."""
    count = int(np.log(_MOST / _LEAST) / _STEP)
    scales = _LEAST * np.exp(_STEP * np.arange(count))
    return tuple(float(scale) for scale in scales)


def _middle(total: FloatArray) -> FloatArray:
    """At most ``_WINDOW`` pixels around the middle: a scale slightly off would blur the rest."""
    top, left = (max(0, (length - _WINDOW) // 2) for length in total.shape)
    return total[top : top + _WINDOW, left : left + _WINDOW]
