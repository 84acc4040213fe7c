"""Where a tile of the mark may lie in a clip, without the original; the likeliest first.

The place is first taken for that of a clip as it was made; then for one that was cropped, by where the
lattice fits the first frame; then for one of another scale or mirrored, by the pilots: what differs from its
surroundings, summed over frames, is folded to one tile for every scale and correlated with them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import ceil

import numpy as np
from PIL import Image

from reenact.types import FloatArray
from reenact.watermark.lapped_transform import HOP, blocks
from reenact.watermark.pattern import BLOCKS, CHIP, TILE, enlarge, fold, layout, pilots
from reenact.watermark.qim import heard, turns
from reenact.watermark.residual import HALF_WINDOW, WINDOW
from reenact.watermark.sampling import Sample, middle

_USUAL = (1.0, 0.5, 0.75, 2 / 3, 1.5, 2.0)  # scales that are tried first
_KNOWN = 2  # of them, those of clips that were not cropped
_HALF_BELOW = 0.72
_STEP = 1 / 200  # between two scales of the search
_FINER = np.exp(_STEP / 8 * np.arange(-5, 6))  # what a scale that was found is refined by
_LEAST, _MOST = 0.4, 2.1
_WINDOW = 512  # pixels of a side a scale is searched in: one slightly off would blur the rest
_READ = 1024  # pixels of a side, at the scale of what was made, that words are read from
_PEAKS = 4  # of the pilots' correlation that are looked at, at each of the usual scales
_SETTLED = 12  # places that are looked at closely
_TRIED = 4  # of them, those that words are read from
_CLOSE = 320  # pixels of a side that are looked at closely
_PLAIN = np.ones(1, np.float32)  # the contrast at which places are compared


@dataclass(frozen=True)
class Place:
    """Where a tile may begin, in pixels at the scale of what was made, and by how many deviations."""

    score: float
    scale: float = 1
    mirrored: bool = False
    row: int = 0
    column: int = 0

    def upright(self, picture: FloatArray, most: int = _READ) -> FloatArray:
        """A picture (H, W) of the clip as it was made, at most so many pixels of a side."""
        if self.mirrored:
            picture = picture[:, ::-1]
        side = ceil(most * self.scale)
        picture = picture[:side, :side]
        if self.scale == 1:
            return picture
        height, width = (max(1, round(length / self.scale)) for length in picture.shape)
        image = Image.fromarray(np.ascontiguousarray(picture))
        return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC))

    def heard(self, upright: FloatArray, key: bytes, contrasts: FloatArray) -> tuple[FloatArray, FloatArray]:
        """What an upright frame says about each bit at each contrast, and how well that contrast fits."""
        picture = upright[self.row % HOP :, self.column % HOP :]
        first = (-(self.row // HOP) % BLOCKS, -(self.column // HOP) % BLOCKS)
        return heard(picture, layout(key).spread(*blocks(picture), first), contrasts)


def places(sample: Sample, key: bytes) -> Iterator[Place]:
    """Where the tile may lie, the likeliest first; the search for unusual scales is the last resort."""
    # Most clips were not cropped: their place is known and must not depend on the pilots.
    yield from (Place(np.inf, scale) for scale in _USUAL[:_KNOWN])
    luma, totals = sample.lumas[0], sample.totals
    yield from _shifted(luma, key)
    yield from _settled(_likeliest(totals, _USUAL, key, _PEAKS)[:_SETTLED], luma, key)[:_TRIED]
    yield from _settled(_searched(totals, key), luma, key)


def _shifted(luma: FloatArray, key: bytes) -> list[Place]:
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
        Place(float(fits.flat[at]), 1, False, int(down - HOP * row) % TILE, int(across - HOP * column) % TILE)
        for at, down, across, row, column in zip(best, *np.unravel_index(best, fits.shape), strict=True)
    ]


def _searched(totals: dict[int, FloatArray], key: bytes) -> list[Place]:
    """The best places over all scales: each scale is found in the middle, its places then in the whole."""
    middles = {window: middle(total, _WINDOW) for window, total in totals.items()}
    found = []
    for rough in _likeliest(middles, _grid(), key, 1)[:_TRIED]:
        [finer, *_] = _likeliest(middles, tuple((rough.scale * _FINER).tolist()), key, 1, rough.mirrored)
        found += _likeliest(totals, (finer.scale,), key, 1, rough.mirrored)
    return found


def _likeliest(
    totals: dict[int, FloatArray],
    scales: tuple[float, ...],
    key: bytes,
    peaks: int,
    mirrored: bool | None = None,
) -> list[Place]:
    """Places of the tile over the scales, both plain and mirrored unless told, the likeliest first."""
    tile = enlarge(pilots(key))
    tiles = [np.conj(np.fft.rfft2(each)) for each in (tile, tile[:, ::-1])]
    found: list[Place] = []
    for scale in scales:
        total = totals[HALF_WINDOW if scale < _HALF_BELOW else WINDOW]  # covers about as many chips
        upright = Place(0, scale).upright(total, ceil(max(total.shape) / scale))
        folded = fold(upright)
        spectrum = np.fft.rfft2(folded - folded.mean())
        for turned in (False, True) if mirrored is None else (mirrored,):
            match = np.asarray(np.fft.irfft2(spectrum * tiles[turned], s=folded.shape), np.float32)
            if (
                turned
            ):  # from where the mirrored tile lies in the picture to where the tile lies in its mirror
                match = np.roll(match[:, ::-1], upright.shape[1] + 1, 1)
            found += _peaks(match, Place(0, scale, turned), peaks)
    return sorted(found, key=lambda place: -place.score)


def _peaks(match: FloatArray, place: Place, count: int) -> Iterator[Place]:
    """The best places at a scale, by the correlation of the pilots (TILE, TILE)."""
    match /= match.std() + 1e-9
    around = np.arange(-CHIP, CHIP + 1)
    for _ in range(count):
        row, column = divmod(int(match.argmax()), TILE)
        yield replace(place, score=float(match[row, column]), row=row, column=column)
        match[np.ix_((row + around) % TILE, (column + around) % TILE)] = 0


def _settled(found: list[Place], luma: FloatArray, key: bytes) -> list[Place]:
    """The places to the pixel, by how well the lattice fits the first frame, the best first."""
    settled = []
    for place in found:
        picture = place.upright(luma, _CLOSE)
        near = [
            replace(place, row=(place.row + down) % TILE, column=(place.column + across) % TILE)
            for down in (-1, 0, 1)
            for across in (-1, 0, 1)
        ]
        fits = [float(each.heard(picture, key, _PLAIN)[1][0]) for each in near]
        best = int(np.argmax(fits))
        settled.append(replace(near[best], score=fits[best]))
    return sorted(settled, key=lambda place: -place.score)


def _grid() -> tuple[float, ...]:
    """All scales of the search."""
    count = int(np.log(_MOST / _LEAST) / _STEP)
    scales = _LEAST * np.exp(_STEP * np.arange(count))
    return tuple(float(scale) for scale in scales)
