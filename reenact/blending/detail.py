"""Match blur, sharpness and grain of a rendered face to the clip.

Measured once per shot, from a few frames of both; applied to every frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from PIL import Image, ImageFilter

from reenact.types import FloatArray, Picture

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_LAPLACE_GAIN = 36.0  # variance of white noise after Immerkaer's mask [1 -2 1; -2 4 -2; 1 -2 1]
_TILE = 1536  # side of the tile of grain: the largest square plus room for random offsets
_BLURS = tuple(tenths / 10 for tenths in range(0, 33, 2))
_SCALES = (0.0, 0.8, 1.6, 3.2)  # blurs in pixels at 512; detail is compared in the bands between them
_SHARPER, _SHARPEN_SIGMA = 1.0, 1.2  # the second in pixels at 512
_FAINT, _COARSEST, _STRONGEST = 0.8, 1.4, 16.0
_BLOCKS, _FLATTEST = 16, 0.35
_SHIFTED = 0.5
_OF_FLATTEST = 1.1  # for pure noise: noise of all blocks over that of the flattest


@dataclass(frozen=True)
class Detail:
    """Difference in detail between a shot's frames and the rendered faces; in pixels of the measured square.

    ``blur`` is the standard deviation in pixels of a gaussian. ``sharpen`` in [0, 1] is the share of fine
    detail to add if the clip is sharper. ``grain`` is the standard deviation, in levels of 255, of the clip's
    noise beyond the rendering's; ``coarse`` is that in pixels of the gaussian that smooths the grain.
    ``coloured`` in [0, 1] is 0 for grey grain and 1 for grain independent between channels.
    """

    blur: float = 0.0
    sharpen: float = 0.0
    grain: float = 0.0
    coarse: float = 0.0
    coloured: float = 0.0


def measure(squares: Sequence[Picture], targets: Sequence[Picture], alphas: Sequence[FloatArray]) -> Detail:
    """Measure the difference in detail between a shot's frames and its rendered faces.

    Args:
        squares: one to about eight rendered faces (S, S, 3) uint8, colours already matched; of consecutive
            frames, since grain is what changes between them. With one frame, all noise counts as grain.
        targets: the same crops of the clip's frames.
        alphas: (S, S) float32 in [0, 1] for each, where the face is replaced.

    Raises:
        ValueError: If there are no pictures, or not as many of each.
    """
    if not squares or not len(squares) == len(targets) == len(alphas):
        raise ValueError("measure needs as many rendered faces, frames and masks, and at least one of each")
    ours, theirs = (
        np.median([_noise(picture, alpha) for picture, alpha in zip(pictures, alphas, strict=True)], 0)
        for pictures in (squares, targets)
    )
    noise = _grain_alone(float(theirs[0]), _moving_noise(targets, alphas, float(theirs[2])))
    grain = float(np.sqrt(max(noise**2 - ours[0] ** 2, 0)))
    blur, sharpen = _blur(squares, targets, alphas, float(ours[0]), noise)
    if grain < _FAINT:
        return Detail(blur, sharpen)
    return Detail(blur, sharpen, min(grain, _STRONGEST), float(theirs[2]), float(theirs[1]))


def apply(square: Picture, detail: Detail, frame: int) -> Picture:
    """The square (S, S, 3) uint8, S up to 1024, with the clip's detail; ``frame`` seeds the grain."""
    if detail.blur:
        square = np.asarray(Image.fromarray(square).filter(ImageFilter.GaussianBlur(detail.blur)))
    if not detail.sharpen and not detail.grain:
        return square
    added = np.full(square.shape[:2], 0.5, np.float32)  # for rounding to whole levels
    if detail.sharpen:
        added += _edges(square) * np.float32(detail.sharpen)
    planes = _grain(square, added, detail, frame) if detail.grain else [added] * 3
    return _raised(square, planes)


def _raised(picture: Picture, added: Sequence[FloatArray]) -> Picture:
    """A picture (S, S, 3) with a plane (S, S) added to each channel."""
    result = np.empty_like(picture)
    for channel, plane in enumerate(added):
        levels = picture[..., channel] + plane
        result[..., channel] = np.clip(levels, 0, 255, out=levels)
    return result


def _edges(picture: Picture) -> FloatArray:
    """Unsharp mask (S, S) of a picture's brightness; brightness alone adds no colour at edges."""
    grey = Image.fromarray(picture).convert("L")
    soft = grey.filter(ImageFilter.GaussianBlur(_SHARPEN_SIGMA * len(picture) / 512))
    return np.asarray(grey, np.float32) - np.asarray(soft, np.float32)


def _grain(picture: Picture, added: FloatArray, detail: Detail, frame: int) -> list[FloatArray]:
    """``added`` plus grain, for each channel: strongest in the midtones, less towards black and white."""
    size, chance = len(picture), np.random.default_rng(frame)
    tile = _tile(round(detail.coarse, 1))
    places = chance.integers(0, _TILE - size + 1, (4, 2))
    grey, *coloured = (tile[y : y + size, x : x + size] for y, x in places)
    strength = _STRENGTH[picture[..., 1]] * np.float32(detail.grain)
    share = np.float32(np.sqrt(1 - detail.coloured**2))
    added = np.asarray(added + grey * strength * share, np.float32)
    if not detail.coloured:
        return [added] * 3
    own = strength * np.float32(detail.coloured)
    return [np.multiply(noise, own) + added for noise in coloured]


_STRENGTH = np.minimum(1, 0.35 + np.minimum(np.arange(256), 255 - np.arange(256)) / 60).astype(np.float32)


@lru_cache(maxsize=4)
def _tile(coarse: float) -> FloatArray:
    """A tile (1536, 1536) of grain of mean 0 and deviation 1, smoothed by ``coarse`` pixels."""
    noise = np.random.default_rng(1).standard_normal((_TILE, _TILE)).astype(np.float32)
    if coarse:
        reach = int(np.ceil(3 * coarse))
        kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / coarse) ** 2).astype(np.float32)
        for axis in (0, 1):
            noise = sum(
                (weight * np.roll(noise, step - reach, axis) for step, weight in enumerate(kernel)),
                np.zeros_like(noise),
            )
    return np.asarray((noise - noise.mean()) / noise.std(), np.float32)


def _noise(picture: Picture, alpha: FloatArray) -> FloatArray:
    """Noise of a face in levels, its difference between channels in [0, 1], its coarseness in pixels.

    Measured as in J. Immerkaer 1996, "Fast noise variance estimation", in the face's flattest blocks.
    """
    values = picture.astype(np.float32)
    inside = _blocks(alpha[1:-1, 1:-1]).mean((1, 3)) > 0.98
    if not inside.any():
        return np.zeros(3, np.float32)
    light = values @ _LUMA
    fine = _flat(_laplace(light), inside)
    if fine < _FAINT:  # skin texture, not noise
        return np.zeros(3, np.float32)
    halves = (light[:-1, :-1] + light[1:, :-1] + light[:-1, 1:] + light[1:, 1:]) / 4
    wide = _flat(np.pad(_laplace(halves, 2), ((1, 2), (1, 2))), inside)
    coarse = float(np.interp(wide / max(fine, 1e-3), _RATIOS, _COARSE))
    channels = np.mean([_flat(_laplace(values[..., channel] - light), inside) for channel in range(3)])
    coloured = float(np.clip(channels / max(fine, 1e-3), 0, 1))
    grain = _OF_FLATTEST * fine / _answer(coarse, (1, -2, 1))
    return np.array([grain, coloured, coarse], np.float32)


def _grain_alone(whole: float, moving: float) -> float:
    """Grain, from the noise of a frame and the noise that changes between frames.

    All of the grain changes; of texture that shifts by less than a pixel, the share ``_SHIFTED`` does.
    """
    return float(np.sqrt(max(min(moving, whole) ** 2 - _SHIFTED * whole**2, 0) / (1 - _SHIFTED)))


def _moving_noise(targets: Sequence[Picture], alphas: Sequence[FloatArray], coarse: float) -> float:
    """Noise that changes between frames, unlike stubble and pores; infinite for a single frame."""
    found = []
    for first, second, alpha in zip(targets, targets[1:], alphas, strict=False):
        inside = _blocks(alpha[1:-1, 1:-1]).mean((1, 3)) > 0.98
        if inside.any():
            change = second.astype(np.float32) @ _LUMA - first.astype(np.float32) @ _LUMA
            found.append(_flat(_laplace(change), inside) / np.sqrt(2))
    return float(_OF_FLATTEST * np.median(found) / _answer(coarse, (1, -2, 1))) if found else np.inf


def _answer(coarse: float, mask: tuple[int, ...]) -> float:
    """Deviation after a mask of noise smoothed by a gaussian of ``coarse`` pixels; 1 for white noise.

    The mask is separable, given along one axis. At distance d the correlation is exp(-d^2 / (4 coarse^2)).
    """
    weights = np.array(mask, np.float64)
    apart = np.subtract.outer(np.arange(len(mask)), np.arange(len(mask)))
    alike = np.exp(-np.square(apart) / (4 * max(coarse, 1e-3) ** 2))
    return float(weights @ alike @ weights / 6)


_COARSE = np.arange(0, _COARSEST + 0.05, 0.1)
_RATIOS = [_answer(c, (1, 1, -2, -2, 1, 1)) / 4 / _answer(c, (1, -2, 1)) for c in _COARSE]
"""Ratio of the mask's responses at half and at full size, by the coarseness of the grain."""


def _laplace(values: FloatArray, step: int = 1) -> FloatArray:
    """Response to Immerkaer's mask over points ``step`` apart, scaled to keep white noise's deviation."""
    rows = values[: -2 * step] - 2 * values[step:-step] + values[2 * step :]
    both = rows[:, : -2 * step] - 2 * rows[:, step:-step] + rows[:, 2 * step :]
    return np.asarray(both / np.float32(np.sqrt(_LAPLACE_GAIN)), np.float32)


def _blocks(values: FloatArray) -> FloatArray:
    """Whole blocks of 16 x 16 pixels, as (B, 16, B, 16)."""
    count = len(values) // _BLOCKS
    return values[: count * _BLOCKS, : count * _BLOCKS].reshape(count, _BLOCKS, count, _BLOCKS)


def _flat(values: FloatArray, inside: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> float:
    """Deviation in the flattest 35 % of the face's blocks."""
    energy = np.sort(np.square(_blocks(values)).mean((1, 3))[inside])
    return float(np.sqrt(energy[: max(1, int(len(energy) * _FLATTEST))].mean()))


def _blur(
    squares: Sequence[Picture],
    targets: Sequence[Picture],
    alphas: Sequence[FloatArray],
    our_noise: float,
    their_noise: float,
) -> tuple[float, float]:
    """Blur in pixels that makes the rendered faces as soft as the clip, or sharpening if they are softer."""
    our_noise = min(our_noise, their_noise)  # any more is texture: a rendering has no noise
    aim = np.median([_fineness(t, a, their_noise) for t, a in zip(targets, alphas, strict=True)])
    for blur in _BLURS:
        noise = 0.0 if blur else our_noise
        soft = [Image.fromarray(square).filter(ImageFilter.GaussianBlur(blur)) for square in squares]
        ours = np.median([_fineness(np.asarray(s), a, noise) for s, a in zip(soft, alphas, strict=True)])
        if ours <= aim:
            break
    sharpen = float(np.clip((aim / max(ours, 1e-3) - 1.1) * 0.8, 0, _SHARPER))
    return float(blur), 0.0 if blur else sharpen


def _fineness(picture: Picture, alpha: FloatArray, noise: float) -> float:
    """Fine over coarser detail of a face, with noise subtracted: smaller in a softer picture."""
    scale = len(picture) / 512
    grey = Image.fromarray(picture).convert("L")
    levels = [
        np.asarray(grey.filter(ImageFilter.GaussianBlur(sigma * scale)), np.float32) for sigma in _SCALES
    ]
    bands = [
        float(np.sqrt((np.square(a - b) * alpha).sum() / max(alpha.sum(), 1))) for a, b in pairwise(levels)
    ]
    noise *= float(np.clip(noise / _FAINT - 1, 0, 1))  # faint noise is rather skin texture
    fine = np.sqrt(max(bands[0] ** 2 - (0.9 * noise) ** 2, 0)) + 0.5 * bands[1]
    return float(fine / max(bands[2], 1e-3))
