"""Synchronisation: candidate placements of the tile in a clip, most likely first.

First come clips that are not cropped; then cropped ones, by the fit of the lattice to the first frame; then
scaled and mirrored ones, by the pilots: the residual, summed over frames, is folded to one tile for every
scale and correlated with them.
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

_COMMON_SCALES = (1.0, 0.5, 0.75, 2 / 3, 1.5, 2.0)  # scales that are tried before the search
_UNCROPPED_SCALES = 2  # the first of them are also tried without cropping
_HALF_BELOW = 0.72
_SCALE_STEP = 1 / 200  # between scales of the search, logarithmic
_FINE_SCALES = np.exp(_SCALE_STEP / 8 * np.arange(-5, 6))  # factors by which a found scale is refined
_MIN_SCALE, _MAX_SCALE = 0.4, 2.1
_SCALE_WINDOW = 512  # pixels of a side in which a scale is searched: a small error of scale would blur more
_MAX_READ_SIDE = 1024  # pixels of a side, at the original scale, from which words are read
_PEAKS_PER_SCALE = 4  # of the pilot correlation that are kept for each common scale
_REFINED = 12  # placements that are refined to the pixel
_MAX_PLACEMENTS = 4  # of them, those from which words are read
_REFINE_SIDE = 320  # pixels of a side that refinement uses
_UNIT_CONTRAST = np.ones(1, np.float32)  # the contrast at which placements are compared


@dataclass(frozen=True)
class TilePlacement:
    """Where a tile may start, in pixels at the original scale; ``score`` is in standard deviations."""

    score: float
    scale: float = 1
    mirrored: bool = False
    row: int = 0
    column: int = 0

    def upright(self, picture: FloatArray, most: int = _MAX_READ_SIDE) -> FloatArray:
        """A picture (H, W) at the original scale, not mirrored, at most ``most`` pixels of a side."""
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
        """``qim.soft_bits`` of an upright frame: soft words by contrast, and their fits."""
        picture = upright[self.row % HOP :, self.column % HOP :]
        first = (-(self.row // HOP) % BLOCKS, -(self.column // HOP) % BLOCKS)
        return soft_bits(picture, layout(key).spread(*blocks(picture), first), contrasts)


def candidate_placements(sample: Sample, key: bytes) -> Iterator[TilePlacement]:
    """Candidate placements, most likely first; the search over all scales is the last resort."""
    # Most clips were not cropped: their placement is known and must not depend on the pilots.
    yield from (TilePlacement(np.inf, scale) for scale in _COMMON_SCALES[:_UNCROPPED_SCALES])
    luma, totals = sample.lumas[0], sample.residual_sums
    yield from _crop_candidates(luma, key)
    yield from _refine(
        _pilot_candidates(totals, _COMMON_SCALES, key, _PEAKS_PER_SCALE)[:_REFINED], luma, key
    )[:_MAX_PLACEMENTS]
    yield from _refine(_search_scales(totals, key), luma, key)


def _crop_candidates(luma: FloatArray, key: bytes) -> list[TilePlacement]:
    """The best of all 256 x 256 shifts of a clip that was only cropped, by the lattice alone.

    For each of the HOP x HOP phases of the block grid the transform is computed once; the fit at all
    BLOCKS x BLOCKS block shifts is then a circular correlation.
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
    """The best placements over all scales: the scale is found in the centre, the placement in the whole."""
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
    """Placements at these scales by the pilots, most likely first; ``mirrored`` None tries both."""
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
    """The highest peaks of the pilot correlation (TILE, TILE) at a scale."""
    match /= match.std() + 1e-9
    around = np.arange(-CHIP, CHIP + 1)
    for _ in range(count):
        row, column = divmod(int(match.argmax()), TILE)
        yield replace(placement, score=float(match[row, column]), row=row, column=column)
        match[np.ix_((row + around) % TILE, (column + around) % TILE)] = 0


def _refine(found: list[TilePlacement], luma: FloatArray, key: bytes) -> list[TilePlacement]:
    """Placements refined to the pixel by the fit of the lattice to the first frame, best first."""
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
