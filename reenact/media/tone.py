"""Code values of any coding -> 8-bit sRGB; what is brighter than white is rolled in.

code values -> light, 1 being SDR white -> sRGB's primaries -> highlights (BT.2390, EETF) -> sRGB's curve
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from reenact.media.coding import HLG, PQ, PRIMARIES, Coding
from reenact.types import FloatArray, Picture

WHITE = 203.0  # cd/m2 in PQ, and 75 % in HLG, of what is white in SDR (BT.2408, table 1)
HLG_GAMMA = 1.2 + 0.42 * np.log10(400 / 1000)  # BT.2100, note 5f: on a screen of 400 cd/m2, as SDR's are
_STRIP = 250_000  # pixels at once, so that floats take little memory
_SAMPLE = 512  # rows and columns, about, by which the brightest light is found
_STEPS = 65536  # of the table for highlights
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])

Floats = NDArray[np.floating]
Step = Callable[[FloatArray], FloatArray]


def tone_map(codes: NDArray[np.unsignedinteger], most: int, coding: Coding) -> Picture:
    """Show (H, W, 3) code values in 0 .. ``most`` as (H, W, 3) uint8 sRGB.

    PQ and HLG tell of light brighter than SDR's white. The picture's brightest light becomes white, and only
    what is near white or above gives way for it: a face stays as bright as in an SDR photo.
    """
    light = _light(coding, most)
    down, across = (max(1, length // _SAMPLE) for length in codes.shape[:2])
    peak = float(np.percentile(light(codes[::down, ::across]).max(-1), 99.9))
    roll = _highlights(peak) if coding.transfer in (PQ, HLG) and peak > 1 else None
    picture = np.empty(codes.shape, np.uint8)
    rows = max(1, _STRIP // codes.shape[1])
    for top in range(0, len(codes), rows):
        strip = light(codes[top : top + rows])
        picture[top : top + rows] = _to_srgb_bytes(roll(strip) if roll else strip)
    return picture


def _light(coding: Coding, most: int) -> Callable[[NDArray[np.unsignedinteger]], FloatArray]:
    """What turns code values up to ``most`` into light of sRGB's primaries, 1 being SDR's white."""
    values = np.arange(most + 1) / most
    if not coding.full:
        values = ((values * 255 - 16) / 219).clip(0, 1)
    table = _curve(coding)(values).astype(np.float32)
    matrix = (np.linalg.inv(_to_xyz(PRIMARIES[1])) @ _to_xyz(coding.primaries)).T.astype(np.float32)
    luminance = _to_xyz(coding.primaries)[1].astype(np.float32)

    def light(codes: NDArray[np.unsignedinteger]) -> FloatArray:
        linear = table[codes]
        if coding.transfer == HLG:  # the OOTF: from the scene's light to the screen's (BT.2100, table 5)
            linear *= (linear @ luminance)[..., None] ** np.float32(HLG_GAMMA - 1)
        return np.asarray(np.maximum(linear @ matrix, 0))

    return light


def _curve(coding: Coding) -> Callable[[Floats], Floats]:
    """From code values in [0, 1] to light."""
    if (gamma := coding.gamma) is not None:
        return lambda v: v**gamma
    return _CURVES.get(coding.transfer, _srgb)


def _srgb(v: Floats) -> Floats:
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def _smpte240(v: Floats) -> Floats:
    return np.where(v <= 0.0913, v / 4, ((v + 0.1115) / 1.1115) ** (1 / 0.45))


def _pq(v: Floats) -> Floats:
    """SMPTE ST 2084."""
    root = v ** (1 / _M2)
    return np.asarray(10_000 / WHITE * (np.maximum(root - _C1, 0) / (_C2 - _C3 * root)) ** (1 / _M1))


def _to_pq(light: Floats) -> Floats:
    power = (light * WHITE / 10_000) ** _M1
    return np.asarray(((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2)


def _hlg(v: Floats) -> Floats:
    """ARIB STD-B67: light of the scene, scaled such that the OOTF makes SDR's white of 75 %."""
    white = _hlg_scene(np.array(0.75))
    return _hlg_scene(v) / white


def _hlg_scene(v: Floats) -> Floats:
    return np.where(v <= 0.5, v * v / 3, (np.exp((v - 0.55991073) / 0.17883277) + 0.28466892) / 12)


_M1, _M2, _C1, _C2, _C3 = 1305 / 8192, 2523 / 32, 107 / 128, 2413 / 128, 2392 / 128
_CURVES: dict[int, Callable[[Floats], Floats]] = {  # ITU-T H.273, table 3
    4: lambda v: v**2.2,
    5: lambda v: v**2.8,
    7: _smpte240,
    8: lambda v: v,
    PQ: _pq,
    17: lambda v: v**2.6 * 52.37 / 48,
    HLG: _hlg,
}


def _to_xyz(primaries: tuple[float, ...]) -> NDArray[np.float64]:
    """The matrix (3, 3) from linear RGB to XYZ with D65 as its white (SMPTE RP 177; Bradford adaptation)."""
    xy = np.array(primaries).reshape(4, 2)
    xyz = np.column_stack([xy, 1 - xy.sum(1)])
    colours, white = xyz[:3].T, xyz[3] / xy[3, 1]
    plain = colours * np.linalg.solve(colours, white)
    x, y = PRIMARIES[1][6:]
    gains = (_BRADFORD @ [x / y, 1, (1 - x - y) / y]) / (_BRADFORD @ white)
    return np.asarray(np.linalg.solve(_BRADFORD, gains[:, None] * (_BRADFORD @ plain)))


def _highlights(peak: float) -> Step:
    """Roll light up to ``peak`` into [0, 1] (ITU-R BT.2390, 5.4.1, black staying black).

    The brightest of a pixel's three colours is mapped and the others with it, which keeps the hue.
    """
    brightest = np.linspace(0, 1, _STEPS) ** 2 * peak  # squared: finer in the dark
    top = _to_pq(np.array(peak))
    mapped = _compress_highlights(_to_pq(brightest) / top, float(_to_pq(np.array(1.0)) / top)) * top
    scales = (_pq(mapped)[1:] / brightest[1:]).astype(np.float32)
    scales = np.concatenate([scales[:1], scales])

    def roll(light: FloatArray) -> FloatArray:
        steps = np.sqrt(light.max(-1).clip(0, peak) / np.float32(peak)) * (_STEPS - 1)
        return np.asarray(light * scales[steps.astype(np.intp)][..., None])

    return roll


def _compress_highlights(value: Floats, most: float) -> Floats:
    """Hermite spline from the knee to ``most``; below the knee nothing changes."""
    knee = 1.5 * most - 0.5
    t = ((value - knee) / (1 - knee)).clip(0, 1)
    spline = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee)
    return np.where(value < knee, value, spline + (3 * t**2 - 2 * t**3) * most)


def _to_srgb_bytes(light: FloatArray) -> Picture:
    """Linear light -> sRGB's code values; what is out of range is cut off."""
    return np.asarray(_TO_SRGB[(light.clip(0, 1) * 65535 + 0.5).astype(np.uint16)])


_LEVELS = np.arange(65536) / 65535
_TO_SRGB = np.rint(
    255 * np.where(_LEVELS <= 0.0031308, 12.92 * _LEVELS, 1.055 * _LEVELS ** (1 / 2.4) - 0.055)
).astype(np.uint8)
