"""What files say of their colours, taken as browsers take it (Chromium 156 was asked for each)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from PIL.AvifImagePlugin import AvifImageFile
from pillow_heif import HeifImageFile

from reenact.media import formats, read_picture
from reenact.media.coding import PRIMARIES, Coding, read_coding
from tests.media.stills import P3_D50, avif10, close, encode, heic10, icc_profile, png, retagged

SRGB = Coding()
P3 = Coding(PRIMARIES[12])


def cicp(*values: int) -> tuple[bytes, bytes]:
    return b"cICP", bytes(values)


def gama(value: int) -> tuple[bytes, bytes]:
    return b"gAMA", struct.pack(">I", value)


def chrm(code: int) -> tuple[bytes, bytes]:
    xy = [round(value * 100_000) for value in PRIMARIES[code]]
    return b"cHRM", struct.pack(">8I", *xy[6:], *xy[:6])


ICC = (b"iCCP", b"name\0\0" + zlib.compress(icc_profile(b"RGB ", P3_D50, 2.2)))
EMPTY, FLAT = (b"cHRM", bytes(32)), (b"cHRM", struct.pack(">8I", *[30_000] * 8))
SAYS_SRGB = (b"sRGB", b"\0")


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        ((), None),
        ((cicp(12, 13, 0, 1),), P3),
        ((cicp(9, 16, 0, 1),), Coding(PRIMARIES[9], 16)),
        ((cicp(9, 18, 0, 1),), Coding(PRIMARIES[9], 18)),
        ((cicp(1, 8, 0, 1),), Coding(transfer=8)),
        ((cicp(2, 2, 0, 1),), SRGB),
        ((cicp(99, 200, 0, 1),), SRGB),
        ((cicp(9, 1, 0, 1),), Coding(PRIMARIES[9], gamma=2.4)),
        ((cicp(12, 13, 1, 1),), None),  # RGB has no matrix
        ((cicp(12, 13, 0, 0),), None),
        ((cicp(9, 16, 0, 0),), Coding(PRIMARIES[9], 16, full=False)),
        ((cicp(12, 13, 0),), None),
        ((cicp(12, 13, 0, 1), ICC, SAYS_SRGB, gama(100_000)), P3),
        ((ICC, gama(100_000)), None),
        ((SAYS_SRGB, gama(100_000), chrm(12)), None),
        ((gama(100_000),), Coding(gamma=1.0)),
        ((gama(50_000),), Coding(gamma=2.0)),
        ((gama(45_455),), None),
        ((gama(46_000),), None),
        ((gama(0),), None),
        ((chrm(12),), None),
        ((gama(50_000), chrm(12)), Coding(PRIMARIES[12], gamma=2.0)),
        ((gama(50_000), EMPTY), None),
        ((gama(50_000), FLAT), None),
    ],
)
def test_png_chunks(chunks: tuple[tuple[bytes, bytes], ...], expected: Coding | None) -> None:
    data = png(1, 1, 8, 2, bytes(4), *chunks)
    info = {"icc_profile": b"a profile"} if ICC in chunks else {}
    assert read_coding(formats.PNG, data, info) == expected


def test_a_word_of_srgb_outdoes_the_profile(quarters: NDArray[np.uint8]) -> None:
    rows = b"".join(b"\0" + row.tobytes() for row in quarters)
    assert not close(read_picture(png(64, 48, 8, 2, rows, ICC)), quarters, 8)
    assert np.array_equal(read_picture(png(64, 48, 8, 2, rows, cicp(1, 13, 0, 1), ICC)), quarters)


def test_linear_light_keeps_its_shadows() -> None:
    """From 8 bits the first step of linear light would be sRGB's level 13."""
    values = np.array([0, 20, 100, 1000, 30000, 65535])
    codes = values.astype(">u2").repeat(3).tobytes()
    shown = read_picture(png(6, 1, 16, 2, b"\0" + codes, gama(100_000)))[0, :, 0]
    light = values / 65535
    expected = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055) * 255
    assert np.abs(shown - expected).max() <= 1


@pytest.mark.parametrize("mode", ["L", "P", "LA", "RGBA"])
def test_gamma_of_every_kind_of_png(mode: str) -> None:
    image = Image.new("RGB", (4, 4), (55, 55, 55))  # linear light 55/255 is sRGB 128
    image = image.quantize(2) if mode == "P" else image.convert(mode)
    data = encode(image, "PNG")
    with_gamma = data[:33] + png(1, 1, 8, 2, bytes(4), gama(100_000))[33:49] + data[33:]
    assert np.abs(read_picture(with_gamma).astype(int) - 128).max() <= 1


@pytest.mark.parametrize("format", ["AVIF", "HEIF"])
@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ((1, 13), SRGB),
        ((1, 1), SRGB),  # cameras and encoders write BT.709 for sRGB
        ((2, 2), SRGB),
        ((12, 13), P3),
        ((9, 14), Coding(PRIMARIES[9])),
        ((1, 4), Coding(transfer=4)),
    ],
)
def test_colour_boxes(
    quarters: NDArray[np.uint8], format: str, points: tuple[int, int], expected: Coding
) -> None:
    data = retagged(encode(quarters, format), *points)
    found = formats.recognise(data)
    assert found
    with {"AVIF": AvifImageFile, "HEIF": HeifImageFile}[format](BytesIO(data)) as image:
        assert read_coding(found, data, image.info) == expected


@pytest.mark.parametrize("store", [avif10, heic10])
def test_without_a_box_the_bitstream_is_asked(store: Callable[..., bytes]) -> None:
    codes = np.full((64, 64, 3), 30000, np.uint16)
    tagged = store(codes, 9, 16)
    untagged = tagged.replace(b"colr", b"free")
    assert untagged != tagged
    assert np.array_equal(read_picture(untagged), read_picture(tagged))


@pytest.mark.parametrize("format", ["AVIF", "HEIF"])
def test_a_profile_outdoes_the_colour_box(quarters: NDArray[np.uint8], format: str) -> None:
    profile = icc_profile(b"RGB ", P3_D50, 2.2)
    image = Image.fromarray(quarters)
    image.info["icc_profile"] = profile
    data = encode(image, format, **({} if format == "HEIF" else {"icc_profile": profile}))
    expected = read_picture(encode(image, "PNG", icc_profile=profile))
    assert close(read_picture(data), expected, 8)
    if b"nclx" in data:
        assert np.array_equal(read_picture(retagged(data, 9, 16)), read_picture(data))


def test_a_profile_may_hold_code_points() -> None:
    """As Adobe's and Apple's profiles for PQ do (ICC.1:2022, 9.2.17)."""
    profile = _with_cicp_tag(icc_profile(b"RGB ", P3_D50, 2.2), bytes([9, 16, 0, 1]))
    picture = np.full((16, 16, 3), 148, np.uint8)  # PQ's 203 cd/m2, SDR white
    for format in ("PNG", "JPEG", "WEBP", "AVIF"):
        shown = read_picture(encode(picture, format, icc_profile=profile))
        assert shown.min() > 250, format


def _with_cicp_tag(profile: bytes, points: bytes) -> bytes:
    """A profile whose copyright tag has given way to cicp."""
    at = profile.index(b"cprt")
    start = int.from_bytes(profile[at + 4 : at + 8], "big")
    profile = profile[:at] + b"cicp" + profile[at + 4 :]
    return profile[:start] + b"cicp\0\0\0\0" + points + profile[start + 12 :]
