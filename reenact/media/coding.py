"""How the code values of a picture stand for colours: what its file says of it besides an ICC profile.

PNG says it in the chunks cICP, sRGB, gAMA and cHRM (PNG, third edition, 4.3), HEIC and AVIF in a colour box
of kind nclx (ISO/IEC 14496-12, 12.1.5), an ICC profile of version 4.4 in its tag cicp. Of several the first
in the order of the PNG standard counts: cICP, profile, sRGB, gAMA with cHRM.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any

import av
from pillow_heif import HeifFile

from reenact.media import formats

# Of FFmpeg nothing but the decoders of still pictures; nothing but the bytes is read.
FFMPEG_OPTIONS = {
    "protocol_whitelist": "none",
    "max_pixels": "50000000",
    "codec_whitelist": "png,libdav1d,av1,hevc",
}
# ITU-T H.273, table 2: x and y of red, green, blue and white.
_D65, _C = (0.3127, 0.329), (0.31, 0.316)
PRIMARIES: dict[int, tuple[float, ...]] = {
    1: (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, *_D65),  # BT.709, sRGB
    4: (0.67, 0.33, 0.21, 0.71, 0.14, 0.08, *_C),  # BT.470 M
    5: (0.64, 0.33, 0.29, 0.6, 0.15, 0.06, *_D65),  # BT.470 B/G
    6: (0.63, 0.34, 0.31, 0.595, 0.155, 0.07, *_D65),  # BT.601
    7: (0.63, 0.34, 0.31, 0.595, 0.155, 0.07, *_D65),  # SMPTE 240
    8: (0.681, 0.319, 0.243, 0.692, 0.145, 0.049, *_C),  # film
    9: (0.708, 0.292, 0.17, 0.797, 0.131, 0.046, *_D65),  # BT.2020
    10: (1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1 / 3, 1 / 3),  # CIE XYZ
    11: (0.68, 0.32, 0.265, 0.69, 0.15, 0.06, 0.314, 0.351),  # DCI-P3
    12: (0.68, 0.32, 0.265, 0.69, 0.15, 0.06, *_D65),  # Display P3
    22: (0.63, 0.34, 0.295, 0.605, 0.155, 0.077, *_D65),  # EBU 3213
}
SRGB, PQ, HLG = 13, 16, 18
CURVES = {4, 5, 7, 8, SRGB, PQ, 17, HLG}  # the code points of table 3 that are told apart
_VIDEO = {1, 6, 11, 14, 15}  # BT.709 and its like name what a camera does
_VIDEO_GAMMA = 2.4  # and BT.1886 what a screen does


@dataclass(frozen=True)
class Coding:
    """What code values mean; without arguments sRGB.

    ``primaries`` is x and y of red, green, blue and white; ``transfer`` a code point of ITU-T H.273, table 3,
    or, where a number is known, ``gamma`` is the exponent from code values to light. ``full`` is false where
    black is 16 of 255 and white 235.
    """

    primaries: tuple[float, ...] = PRIMARIES[1]
    transfer: int = SRGB
    gamma: float | None = None
    full: bool = True


def read_coding(found: formats.Format, data: bytes, info: Mapping[Any, Any]) -> Coding | None:
    """What the file says of its colours; None where an ICC profile alone does, or nothing.

    Args:
        found: the file's format.
        data: the whole file.
        info: what its decoder told of it (``Image.info``).
    """
    chunks = _png_chunks(data) if found is formats.PNG else {}
    if coding := _of_cicp(chunks.get(b"cICP", b"")):
        return coding
    if profile := info.get("icc_profile"):
        return _of_cicp(_cicp_tag(profile))
    if found is formats.PNG:
        return None if b"sRGB" in chunks else _of_gamma(chunks)
    if found not in (formats.AVIF, formats.HEIC):
        return None
    nclx = info.get("nclx_profile") or (_avif_nclx(data) if found is formats.AVIF else None)
    if nclx is None:
        return _of_bitstream(data)
    return _of_code_points(nclx["color_primaries"], nclx["transfer_characteristics"])


def _of_code_points(primaries: int, transfer: int, full: bool = True) -> Coding:
    """Unspecified or unknown code points are taken for sRGB's, and so is BT.709's curve, as browsers do."""
    known = transfer if transfer in CURVES else SRGB
    return Coding(PRIMARIES.get(primaries, PRIMARIES[1]), known, full=full)


def _of_cicp(body: bytes) -> Coding | None:
    """Four bytes: primaries, transfer, matrix, range.

    RGB has no matrix. Browsers ignore a narrow range and with it all four; for HDR that would show fog.
    """
    if len(body) != 4 or body[2] != 0 or not (body[3] or body[1] in (PQ, HLG)):
        return None
    coding = _of_code_points(body[0], body[1], bool(body[3]))
    return replace(coding, gamma=_VIDEO_GAMMA) if body[1] in _VIDEO else coding


def _of_gamma(chunks: dict[bytes, bytes]) -> Coding | None:
    """The numbers of gAMA and cHRM, in hundred thousandths (PNG, 11.3.2); as in browsers, no cHRM alone."""
    value = int.from_bytes(chunks.get(b"gAMA", b""), "big")
    if not value:
        return None
    body = chunks.get(b"cHRM", b"")
    if len(body) != 32:
        nearly_srgb = abs(value * 2.2 / 100_000 - 1) < 0.05
        return None if nearly_srgb else Coding(gamma=100_000 / value)
    white, colours = struct.unpack(">2I", body[:8]), struct.unpack(">6I", body[8:])
    primaries = tuple(part / 100_000 for part in colours + white)
    return Coding(primaries, gamma=100_000 / value) if _plausible(primaries) else None


def _plausible(primaries: tuple[float, ...]) -> bool:
    """Whether red, green and blue span a triangle, and white is no imaginary colour."""
    xr, yr, xg, yg, xb, yb, _, white = primaries
    area = abs((xg - xr) * (yb - yr) - (xb - xr) * (yg - yr)) / 2
    return white > 0 and max(primaries) <= 1 and area > 0.001


def _png_chunks(data: bytes) -> dict[bytes, bytes]:
    """The short chunks before a PNG's pixels, the first of each kind."""
    chunks: dict[bytes, bytes] = {}
    at = 8
    while (kind := data[at + 4 : at + 8]) and kind != b"IDAT":
        size = int.from_bytes(data[at : at + 4], "big")
        if size <= 32:
            chunks.setdefault(kind, data[at + 8 : at + 8 + size])
        at += size + 12
    return chunks


def _cicp_tag(profile: bytes) -> bytes:
    """The tag cicp of an ICC profile (ICC.1:2022, 9.2.17); b"" where it has none."""
    for entry in range(132, min(132 + 12 * int.from_bytes(profile[128:132], "big"), len(profile)), 12):
        if profile[entry : entry + 4] == b"cicp":
            at = int.from_bytes(profile[entry + 4 : entry + 8], "big")
            return profile[at + 8 : at + 12] if profile[at : at + 4] == b"cicp" else b""
    return b""


def _avif_nclx(data: bytes) -> dict[str, int] | None:
    """Of an AVIF's first picture; read with libheif, which needs no decoder for that, as Pillow hides it."""
    try:
        file = HeifFile(BytesIO(data))  # type: ignore[no-untyped-call]
    except (OSError, ValueError, SyntaxError, RuntimeError, EOFError):
        return None
    found: dict[str, int] | None = file.info.get("nclx_profile")
    return found


def _of_bitstream(data: bytes) -> Coding | None:
    """What AV1 or HEVC says itself, where there is no colour box."""
    try:
        with av.open(BytesIO(data), "r", format="mov", options=FFMPEG_OPTIONS) as container:
            coded = container.streams.video[0].codec_context
            return _of_code_points(int(coded.color_primaries), int(coded.color_trc))
    except (av.FFmpegError, IndexError, UnicodeDecodeError):
        return None
