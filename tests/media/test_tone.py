"""HDR and wide gamut pictures as their owner sees them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from reenact.media import read_picture
from reenact.media.coding import HLG, PQ, Coding
from reenact.media.tone import tone_map
from tests.media.stills import (
    TO_BT2020,
    TO_P3,
    avif10,
    encode,
    heic10,
    hlg,
    linear,
    png,
    png16,
    pq,
    retagged,
    sixteen,
)

SIGNALS = {PQ: pq, HLG: hlg}


def png10(codes: NDArray[np.uint16], primaries: int, transfer: int) -> bytes:
    return png16(codes, (b"cICP", bytes([primaries, transfer, 0, 1])))


def difference(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    assert a.shape == b.shape
    return float(np.abs(a.astype(int) - b).mean())


@pytest.fixture
def face(portrait: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(portrait[:256, :256])


@pytest.mark.parametrize("store", [png10, avif10, heic10])
@pytest.mark.parametrize("transfer", SIGNALS)
def test_an_hdr_picture_of_sdr_light_is_the_sdr_picture(
    face: NDArray[np.uint8], store: Callable[..., bytes], transfer: int
) -> None:
    stored = sixteen(SIGNALS[transfer](linear(face) @ TO_BT2020.T))
    assert difference(stored.astype(np.float32) / 257, face) > 20  # what it would look like without
    shown = read_picture(store(stored, 9, transfer))
    assert difference(shown, face) < 4
    assert np.abs(shown.mean((0, 1)) - face.mean((0, 1))).max() < 4


@pytest.mark.parametrize("store", [png10, avif10, heic10])
@pytest.mark.parametrize("transfer", SIGNALS)
def test_a_sun_beside_a_face_changes_no_face(
    face: NDArray[np.uint8], store: Callable[..., bytes], transfer: int
) -> None:
    light = 0.45 * linear(face)
    light[:64, 192:] = 3.5  # times SDR white, within what HLG holds
    dark = read_picture(encode(Image.fromarray(face), "PNG"))
    shown = read_picture(store(sixteen(SIGNALS[transfer](light @ TO_BT2020.T)), 9, transfer))
    expected = 255 * (0.45 ** (1 / 2.4) * 1.055 * (dark / 255 + 0.055) / 1.055 - 0.055)  # of light cut to .45
    bright = dark[64:] > 60
    assert np.abs(shown[64:] - expected[64:])[bright].mean() < 5
    assert (shown[8:56, 200:248] > 250).all()


def test_highlights_are_rolled_in_without_steps_back_or_a_cut() -> None:
    ramp = np.geomspace(0.01, 10_000 / 203, 4096)
    codes = sixteen(pq(ramp))[None, :, None].repeat(3, 2)
    shown = tone_map(codes, 65535, Coding(transfer=PQ))[0].astype(int)
    assert (shown[:, :1] == shown).all()
    assert (np.diff(shown[:, 0]) >= 0).all()
    assert shown[0, 0] < 30 and shown[-1, 0] == 255
    above = shown[(ramp > 1) & (ramp < 10), 0]
    assert len(np.unique(above)) > 20  # all between SDR white and ten times that is not one white


def test_rolled_in_light_keeps_its_hue() -> None:
    light = np.array([[[4.0, 2.0, 1.0]], [[0.4, 0.2, 0.1]]])
    shown = linear(tone_map(sixteen(pq(light)), 65535, Coding(transfer=PQ)))
    assert shown[0, 0] / shown[0, 0, 0] == pytest.approx([1, 0.5, 0.25], abs=0.02)
    assert shown[1, 0] == pytest.approx([0.4, 0.2, 0.1], abs=0.01)


@pytest.mark.parametrize("store", [png10, avif10, heic10])
def test_all_bits_are_used(store: Callable[..., bytes]) -> None:
    """A smooth ramp: from 8 bits of PQ it would come in steps of three levels."""
    ramp = np.linspace(0.25, 1, 1024)[None, :, None].repeat(64, 0).repeat(3, 2)
    shown = read_picture(store(sixteen(pq(ramp)), 9, PQ))[32, :, 1].astype(int)
    assert len(np.unique(shown)) > 0.9 * (shown.max() - shown.min())


@pytest.mark.parametrize("wide", [12, 9])
@pytest.mark.parametrize("store", [png10, avif10, heic10])
def test_wide_gamut_by_code_points_alone(
    quarters: NDArray[np.uint8], store: Callable[..., bytes], wide: int
) -> None:
    picture = quarters.repeat(4, 0).repeat(4, 1)
    light = (linear(picture) @ {12: TO_P3, 9: TO_BT2020}[wide].T).clip(0, 1)
    stored = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    assert difference(stored * 255, picture) > 4
    shown = read_picture(store(sixteen(stored), wide, 13))
    assert np.percentile(np.abs(shown.astype(int) - picture), 90) <= 6


@pytest.mark.parametrize("format", ["AVIF", "HEIF"])
def test_pictures_of_8_bits_too(face: NDArray[np.uint8], format: str) -> None:
    stored = np.round(pq(linear(face) @ TO_BT2020.T) * 255).astype(np.uint8)
    shown = read_picture(retagged(encode(stored, format), 9, PQ))
    assert difference(shown, face) < 6


def test_grey_hdr() -> None:
    light = np.linspace(0, 1, 64)[None, :].repeat(64, 0)
    shown = read_picture(heic10(sixteen(pq(light)), 9, PQ))
    assert (shown == shown[..., :1]).all()
    assert np.abs(linear(shown)[..., 0] - light).mean() < 0.02


def rgba_png(codes: NDArray[np.uint16], primaries: int, transfer: int) -> bytes:
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in codes)
    cicp = (b"cICP", bytes([primaries, transfer, 0, 1]))
    return png(codes.shape[1], codes.shape[0], 16, 6, rows, cicp)


@pytest.mark.parametrize("store", [heic10, rgba_png])
def test_transparent_hdr_is_over_white(store: Callable[..., bytes]) -> None:
    light = np.full((64, 96, 3), 0.2)
    alpha = np.ones((64, 96, 1))
    alpha[:, 64:] = 0
    shown = read_picture(store(np.concatenate([sixteen(pq(light)), sixteen(alpha)], 2), 9, PQ))
    assert np.abs(linear(shown[:, :48]) - 0.2).mean() < 0.02
    assert (shown[:, 80:] == 255).all()


def test_an_hdr_picture_is_turned_upright(face: NDArray[np.uint8]) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = np.ascontiguousarray(np.rot90(face))
    data = png16(
        sixteen(pq(linear(stored))),
        (b"cICP", bytes([1, PQ, 0, 1])),
        (b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0")),
    )
    assert difference(read_picture(data), face) < 2
