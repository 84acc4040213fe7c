"""The watermark out of frames, without the original.

place of a tile -> waves of the first frame, and of more -> codeword -> id, if its proof holds

The place is first taken for that of a clip as it was made; then for one that was cropped, by where the
lattice fits the first frame; then for one of another scale or mirrored, by the pilots: what differs from its
surroundings, summed over the frames, is folded to one tile for every scale and correlated with them.

At most ``TRIES`` words are decoded for a clip, each of which passes by chance with 2^-28: a clip without the
mark is taken for a marked one with TRIES * 2^-28, which is 2.4e-7.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from PIL import Image

from reenact.errors import DrivingUnreadable
from reenact.provenance.code import PROOF_ODDS, decode, encode
from reenact.provenance.embed import PUBLIC_KEY
from reenact.provenance.lapped import HOP, blocks
from reenact.provenance.lattice import heard, turns
from reenact.provenance.pattern import BLOCKS, CHIP, TILE, enlarge, fold, layout, pilots
from reenact.provenance.residual import HALF_WINDOW, WINDOW, luma_of, residual
from reenact.types import FloatArray, Picture

TRIES = 64
FALSE_ALARM = TRIES * PROOF_ODDS
_USUAL = (1.0, 0.5, 0.75, 2 / 3, 1.5, 2.0)  # scales that are tried first
_KNOWN = 2  # of them, those of clips that were not cropped
HALF_BELOW = 0.72
_STEP = 1 / 200  # between two scales of the search
_FINER = np.exp(_STEP / 8 * np.arange(-5, 6))  # what a scale that was found is refined by
_LEAST, _MOST = 0.4, 2.1
_MIDDLE = 1536  # pixels of a side: of larger frames only the middle is looked at
_SMALLEST = 64  # pixels of a side: below, too few waves are left of any result
_WINDOW = 512  # the same for the search of a scale: one slightly off would blur the rest
_FRAMES = 64  # looked at, evenly over the clip
_EACH = 8  # of the others, one is kept to read words from
_PEAKS = 4  # of the pilots' correlation that are looked at, at each of the usual scales
_SETTLED = 12  # places that are looked at closely
_TRIED = 4  # of them, those that words are read from
_CLOSE = 320  # pixels of a side that are looked at closely
_AGREES = 3.0  # standard deviations
# What levels may have been multiplied by: .68 to 1.48; the one in the middle is 1.
_PLAIN = 13
_CONTRASTS = np.exp(0.03 * np.arange(-_PLAIN, _PLAIN + 1))
_PLAINER = 1.0  # standard deviations by which another contrast must fit better than the plain one
_FIRST = 3  # frames that are kept from the beginning


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
class _Place:
    """Where a tile may begin, in pixels at the scale of what was made, and by how many deviations."""

    score: float
    scale: float
    mirrored: bool
    row: int
    column: int

    def upright(self, picture: FloatArray) -> FloatArray:
        """A picture (H, W) of the clip as it was made."""
        if self.mirrored:
            picture = picture[:, ::-1]
        if self.scale == 1:
            return picture
        height, width = (max(1, round(length / self.scale)) for length in picture.shape)
        image = Image.fromarray(np.ascontiguousarray(picture))
        return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC))


def find_mark(
    frames: Callable[[], Iterator[Picture]], key: bytes = PUBLIC_KEY, count: int | None = None
) -> Mark | None:
    """The watermark of a clip, or None where there is none or it can no longer be read.

    Args:
        frames: opens the clip; called again to search a clip that was cropped, and to count what agrees.
        key: the one it was marked with.
        count: how many frames there are, as far as that is known; at most 64 are looked at.
    """
    step = max(1, (count or 1) // _FRAMES)

    def again() -> Iterator[Picture]:
        return islice(frames(), 0, None, step)

    lumas = _lumas(again())
    if min(lumas[0].shape) < _SMALLEST:
        return None
    words = (each for place in _places(again, lumas[0], key) for each in _words(lumas, place, key))
    for place, contrast, soft in islice(words, TRIES):
        id = decode(soft, key)
        if id is not None:
            return _mark(id, soft, place, contrast, again(), key)
    return None


def _lumas(frames: Iterator[Picture]) -> list[FloatArray]:
    """Frames to read words from: the first few, then every eighth."""
    kept = (frame for number, frame in enumerate(frames) if number < _FIRST or number % _EACH == 0)
    lumas = [_luma(frame) for frame in kept]
    if not lumas:
        raise DrivingUnreadable("The clip has no frames.")
    return lumas


def _places(frames: Callable[[], Iterator[Picture]], luma: FloatArray, key: bytes) -> Iterator[_Place]:
    """Where the tile may lie, the likeliest first; the search for unusual scales is the last resort."""
    # Most clips were not cropped: their place is known and must not depend on the pilots.
    yield from (_Place(np.inf, scale, False, 0, 0) for scale in _USUAL[:_KNOWN])
    yield from _shifted(luma, key)
    totals = _totals(frames())
    yield from _settled(_likeliest(totals, _USUAL, key, _PEAKS)[:_SETTLED], luma, key)[:_TRIED]
    middles = {window: _middle(total, _WINDOW) for window, total in totals.items()}
    rough = _likeliest(middles, _grid(), key, 1)[:_TRIED]
    finer = [_likeliest(totals, tuple(place.scale * _FINER), key, 1, place.mirrored)[0] for place in rough]
    yield from _settled(finer, luma, key)


def _shifted(luma: FloatArray, key: bytes) -> list[_Place]:
    """The best places in a clip that was cropped and nothing else, of all 256 x 256, by the lattice alone.

    In each of HOP x HOP phases of the blocks the waves are measured once; how well they fit with the tile at
    each of its BLOCKS x BLOCKS places is a correlation.
    """
    height, width = (min(length - HOP + 1, _CLOSE) for length in luma.shape)
    lattice = np.fft.fft2(np.exp(4j * np.pi * layout(key).offsets), axes=(0, 1))
    fits = np.zeros((HOP, HOP, BLOCKS, BLOCKS))
    for down, across in np.ndindex(HOP, HOP) if min(height, width) > 0 else ():
        seen = turns(luma[down : down + height, across : across + width])
        tile = np.zeros(lattice.shape, np.complex64)
        rows, columns = (np.arange(length) % BLOCKS for length in seen.shape[:2])
        np.add.at(tile, (rows[:, None], columns), seen)
        spectrum = (np.conj(np.fft.fft2(tile, axes=(0, 1))) * lattice).sum(-1)
        fits[down, across] = -np.fft.ifft2(spectrum).real
    best = np.argsort(fits, axis=None)[: -_TRIED - 1 : -1]
    return [
        _Place(
            float(fits.flat[at]), 1, False, int(down - HOP * row) % TILE, int(across - HOP * column) % TILE
        )
        for at, down, across, row, column in zip(best, *np.unravel_index(best, fits.shape), strict=True)
    ]


def _totals(frames: Iterator[Picture]) -> dict[int, FloatArray]:
    """What differs from its surroundings, summed over the frames: (H, W) float32 for each window."""
    totals: dict[int, FloatArray] = {}
    for luma in map(_luma, frames):
        for window in (WINDOW, HALF_WINDOW):
            found = residual(luma, window)
            totals[window] = totals[window] + found if window in totals else found
    return totals


def _likeliest(
    totals: dict[int, FloatArray],
    scales: tuple[float, ...],
    key: bytes,
    peaks: int,
    mirrored: bool | None = None,
) -> list[_Place]:
    """Places of the tile over the scales, both plain and mirrored unless told, the likeliest first."""
    tile = np.conj(np.fft.rfft2(enlarge(pilots(key))))
    places: list[_Place] = []
    for scale in scales:
        upright = _Place(0, scale, False, 0, 0).upright(totals[_window(scale)])
        folded = fold(upright)
        for turned in (False, True) if mirrored is None else (mirrored,):
            # The fold of a mirrored picture, without another picture.
            seen = np.roll(folded[:, ::-1], upright.shape[1], 1) if turned else folded
            places += _peaks(seen, _Place(0, scale, turned, 0, 0), tile, peaks)
    return sorted(places, key=lambda place: -place.score)


def _peaks(folded: FloatArray, place: _Place, tile: FloatArray, count: int) -> Iterator[_Place]:
    """The best places at a scale, by the correlation of the pilots."""
    match = np.fft.irfft2(np.fft.rfft2(folded - folded.mean()) * tile, s=folded.shape)
    match /= match.std() + 1e-9
    around = np.arange(-CHIP, CHIP + 1)
    for _ in range(count):
        row, column = divmod(int(match.argmax()), TILE)
        yield replace(place, score=float(match[row, column]), row=row, column=column)
        match[np.ix_((row + around) % TILE, (column + around) % TILE)] = 0


def _settled(places: list[_Place], luma: FloatArray, key: bytes) -> list[_Place]:
    """The places to the pixel, by how well the lattice fits the first frame, the best first."""
    settled = []
    for place in places:
        picture = place.upright(luma)[:_CLOSE, :_CLOSE]
        near = [
            replace(place, row=(place.row + down) % TILE, column=(place.column + across) % TILE)
            for down in (-1, 0, 1)
            for across in (-1, 0, 1)
        ]
        fits = [float(_heard(picture, each, key, _CONTRASTS[_PLAIN : _PLAIN + 1])[1][0]) for each in near]
        best = int(np.argmax(fits))
        settled.append(replace(near[best], score=fits[best]))
    return sorted(settled, key=lambda place: -place.score)


def _words(lumas: list[FloatArray], place: _Place, key: bytes) -> Iterator[tuple[_Place, float, FloatArray]]:
    """Words (CODED_BITS,) to decode at a place, and the contrast at which they were read.

    The first frame of a clip alone says most if a codec has been strict: it keeps that frame best, and moves
    its pixels about in the others. All together say most if it has been lenient.
    """
    heard = [_heard(place.upright(luma), place, key, _CONTRASTS) for luma in lumas]
    soft, fits = (np.array(each) for each in zip(*heard, strict=True))
    for weights in _mixes(len(lumas)):
        fit = weights @ fits
        best = int(fit.argmax())
        likely = best if fit[best] > fit[_PLAIN] + _PLAINER else _PLAIN
        for at in {_PLAIN, likely} if place.score == np.inf else {likely}:
            yield place, float(_CONTRASTS[at]), np.tensordot(weights, soft[:, at], 1)


def _mixes(count: int) -> list[FloatArray]:
    """How the frames that were kept are added up: weights (count,)."""
    first = np.arange(count) == 0
    early = 0.5 * (first + (np.arange(count) < _FIRST))
    return [first.astype(np.float32), early, np.ones(count)][: min(count, 3)]


def _heard(
    picture: FloatArray, place: _Place, key: bytes, contrasts: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """What an upright frame says about each bit at each contrast, and how well that contrast fits."""
    picture = picture[place.row % HOP :, place.column % HOP :]
    first = (-(place.row // HOP) % BLOCKS, -(place.column // HOP) % BLOCKS)
    return heard(picture, layout(key).spread(*blocks(picture), first), contrasts)


def _mark(
    id: int, soft: FloatArray, place: _Place, contrast: float, frames: Iterator[Picture], key: bytes
) -> Mark:
    """Count what agrees with a decoded id."""
    said = 1 - 2 * encode(id, key).astype(np.float32)
    right = float(np.mean(soft * said > 0))
    scores = []
    for frame in frames:
        found = _heard(place.upright(_luma(frame)), place, key, np.array([contrast]))[0][0]
        scores.append(float((found * said).sum() / (np.sqrt(np.square(found).sum()) + 1e-9)))
    agreeing = sum(score > _AGREES for score in scores)
    return Mark(id, round(right, 4), len(scores), agreeing, place.scale, place.mirrored)


def _window(scale: float) -> int:
    """The window that suits a scale: it should cover about as many chips."""
    return HALF_WINDOW if scale < HALF_BELOW else WINDOW


def _grid() -> tuple[float, ...]:
    """All scales of the search."""
    count = int(np.log(_MOST / _LEAST) / _STEP)
    scales = _LEAST * np.exp(_STEP * np.arange(count))
    return tuple(float(scale) for scale in scales)


def _luma(frame: Picture) -> FloatArray:
    return _middle(luma_of(frame), _MIDDLE)


def _middle(values: FloatArray, side: int) -> FloatArray:
    """At most ``side`` pixels around the middle, from where a tile of a clip that was not cropped begins."""
    top, left = (max(0, (length - side) // 2) // TILE * TILE for length in values.shape)
    return values[top : top + side, left : left + side]
