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
from reenact.watermark.qim import lattice_phases, soft_bits
from reenact.watermark.residual import HALF_WINDOW, WINDOW
from reenact.watermark.sampling import Sample, central_part

_COMMON_SCALES = (1.0, 0.5, 0.75, 2 / 3, 1.5, 2.0)  # scales that are tried first
_UNCROPPED_SCALES = 2  # of them, those of clips that were not cropped
_HALF_BELOW = 0.72
_SCALE_STEP = 1 / 200  # between two scales of the search
_FINE_SCALES = np.exp(_SCALE_STEP / 8 * np.arange(-5, 6))  # what a scale that was found is refined by
_MIN_SCALE, _MAX_SCALE = 0.4, 2.1
_SCALE_WINDOW = 512  # pixels of a side a scale is searched in: one slightly off would blur the rest
_MAX_READ_SIDE = 1024  # pixels of a side, at the scale of what was made, that words are read from
_PEAKS_PER_SCALE = 4  # of the pilots' correlation that are looked at, at each of the usual scales
_REFINED = 12  # places that are looked at closely
_MAX_PLACEMENTS = 4  # of them, those that words are read from
_REFINE_SIDE = 320  # pixels of a side that are looked at closely
_UNIT_CONTRAST = np.ones(1, np.float32)  # the contrast at which places are compared


@dataclass(frozen=True)
class TilePlacement:
    """Where a tile may begin, in pixels at the scale of what was made, and by how many deviations."""

    score: float
    scale: float = 1
    mirrored: bool = False
    row: int = 0
    column: int = 0

    def upright(self, picture: FloatArray, most: int = _MAX_READ_SIDE) -> FloatArray:
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

    def soft_bits(
        self, upright: FloatArray, key: bytes, contrasts: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """What an upright frame says about each bit at each contrast, and how well that contrast fits."""
        picture = upright[self.row % HOP :, self.column % HOP :]
        first = (-(self.row // HOP) % BLOCKS, -(self.column // HOP) % BLOCKS)
        return soft_bits(picture, layout(key).spread(*blocks(picture), first), contrasts)


def candidate_placements(sample: Sample, key: bytes) -> Iterator[TilePlacement]:
    """Where the tile may lie, the likeliest first; the search for unusual scales is the last resort."""
    # Most clips were not cropped: their place is known and must not depend on the pilots.
    yield from (TilePlacement(np.inf, scale) for scale in _COMMON_SCALES[:_UNCROPPED_SCALES])
    luma, totals = sample.lumas[0], sample.residual_sums
    yield from _crop_candidates(luma, key)
    yield from _refine(
        _pilot_candidates(totals, _COMMON_SCALES, key, _PEAKS_PER_SCALE)[:_REFINED], luma, key
    )[:_MAX_PLACEMENTS]
    yield from _refine(_search_scales(totals, key), luma, key)


def _crop_candidates(luma: FloatArray, key: bytes) -> list[TilePlacement]:
    """The best places in a clip that was cropped and nothing else, of all 256 x 256, by the lattice alone.

    In each of HOP x HOP phases of the blocks the waves are measured once; how well they fit with the tile at
    each of its BLOCKS x BLOCKS places is a correlation.
    """
    height, width = (min(length - HOP + 1, _REFINE_SIDE) for length in luma.shape)
    lattice = np.fft.fft2(np.exp(4j * np.pi * layout(key).offsets), axes=(0, 1))
    fits = np.zeros((HOP, HOP, BLOCKS, BLOCKS))
    for down, across in np.ndindex(HOP, HOP) if min(height, width) > 0 else ():
        seen = lattice_phases(luma[down : down + height, across : across + width])
        tile = np.zeros(lattice.shape, np.complex64)
        rows, columns = (np.arange(length) % BLOCKS for length in seen.shape[:2])
        np.add.at(tile, (rows[:, None], columns), seen)
        spectrum = (np.conj(np.fft.fft2(tile, axes=(0, 1))) * lattice).sum(-1)
        fits[down, across] = -np.fft.ifft2(spectrum).real
    best = np.argsort(fits, axis=None)[: -_MAX_PLACEMENTS - 1 : -1]
    return [
        TilePlacement(
            float(fits.flat[at]), 1, False, int(down - HOP * row) % TILE, int(across - HOP * column) % TILE
        )
        for at, down, across, row, column in zip(best, *np.unravel_index(best, fits.shape), strict=True)
    ]


def _search_scales(totals: dict[int, FloatArray], key: bytes) -> list[TilePlacement]:
    """The best places over all scales: each scale is found in the middle, its places then in the whole."""
    middles = {window: central_part(total, _SCALE_WINDOW) for window, total in totals.items()}
    found = []
    for rough in _pilot_candidates(middles, _scale_grid(), key, 1)[:_MAX_PLACEMENTS]:
        [finer, *_] = _pilot_candidates(
            middles, tuple((rough.scale * _FINE_SCALES).tolist()), key, 1, rough.mirrored
        )
        found += _pilot_candidates(totals, (finer.scale,), key, 1, rough.mirrored)
    return found


def _pilot_candidates(
    totals: dict[int, FloatArray],
    scales: tuple[float, ...],
    key: bytes,
    peaks: int,
    mirrored: bool | None = None,
) -> list[TilePlacement]:
    """Places of the tile over the scales, both plain and mirrored unless told, the likeliest first."""
    tile = enlarge(pilots(key))
    tiles = [np.conj(np.fft.rfft2(each)) for each in (tile, tile[:, ::-1])]
    found: list[TilePlacement] = []
    for scale in scales:
        total = totals[HALF_WINDOW if scale < _HALF_BELOW else WINDOW]  # covers about as many chips
        upright = TilePlacement(0, scale).upright(total, ceil(max(total.shape) / scale))
        folded = fold(upright)
        spectrum = np.fft.rfft2(folded - folded.mean())
        for turned in (False, True) if mirrored is None else (mirrored,):
            match = np.asarray(np.fft.irfft2(spectrum * tiles[turned], s=folded.shape), np.float32)
            if (
                turned
            ):  # from where the mirrored tile lies in the picture to where the tile lies in its mirror
                match = np.roll(match[:, ::-1], upright.shape[1] + 1, 1)
            found += _peaks(match, TilePlacement(0, scale, turned), peaks)
    return sorted(found, key=lambda placement: -placement.score)


def _peaks(match: FloatArray, placement: TilePlacement, count: int) -> Iterator[TilePlacement]:
    """The best places at a scale, by the correlation of the pilots (TILE, TILE)."""
    match /= match.std() + 1e-9
    around = np.arange(-CHIP, CHIP + 1)
    for _ in range(count):
        row, column = divmod(int(match.argmax()), TILE)
        yield replace(placement, score=float(match[row, column]), row=row, column=column)
        match[np.ix_((row + around) % TILE, (column + around) % TILE)] = 0


def _refine(found: list[TilePlacement], luma: FloatArray, key: bytes) -> list[TilePlacement]:
    """The places to the pixel, by how well the lattice fits the first frame, the best first."""
    refined = []
    for placement in found:
        picture = placement.upright(luma, _REFINE_SIDE)
        near = [
            replace(placement, row=(placement.row + down) % TILE, column=(placement.column + across) % TILE)
            for down in (-1, 0, 1)
            for across in (-1, 0, 1)
        ]
        fits = [float(each.soft_bits(picture, key, _UNIT_CONTRAST)[1][0]) for each in near]
        best = int(np.argmax(fits))
        refined.append(replace(near[best], score=fits[best]))
    return sorted(refined, key=lambda placement: -placement.score)


def _scale_grid() -> tuple[float, ...]:
    """All scales of the search."""
    count = int(np.log(_MAX_SCALE / _MIN_SCALE) / _SCALE_STEP)
    scales = _MIN_SCALE * np.exp(_SCALE_STEP * np.arange(count))
    return tuple(float(scale) for scale in scales)
