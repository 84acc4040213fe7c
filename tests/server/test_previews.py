"""A photo that the browser cannot draw, drawn by the server."""

from __future__ import annotations

import io
from pathlib import Path

import pillow_heif
import pytest
from PIL import Image
from werkzeug.test import TestResponse

from server.api.previews import SIDE
from server.settings import Settings

from .conftest import Client


def see(client: Client, photo: bytes, name: str = "me.heic") -> TestResponse:
    return client.post("/v1/previews", data={"selfie": (io.BytesIO(photo), name)})


def heic(picture: Image.Image, **more: object) -> bytes:
    out = io.BytesIO()
    pillow_heif.from_pillow(picture).save(out, **more)
    return out.getvalue()


def test_a_heic_is_seen_as_a_small_jpeg_and_left_nowhere(client: Client, settings: Settings) -> None:
    photo = Image.new("RGB", (2 * SIDE, SIDE), (200, 40, 40))
    photo.paste((40, 40, 200), (SIDE, 0, 2 * SIDE, SIDE))
    answer = see(client, heic(photo))
    assert (answer.status_code, answer.mimetype) == (200, "image/jpeg")
    assert answer.headers["Original-Width"] == str(2 * SIDE)
    assert answer.headers["Cache-Control"] == "no-store"
    with Image.open(io.BytesIO(answer.data)) as shown:
        assert shown.size == (SIDE, SIDE // 2)
        left, right = shown.getpixel((9, 9)), shown.getpixel((SIDE - 9, 9))
    assert isinstance(left, tuple) and isinstance(right, tuple)
    assert left[0] > 150 > left[2] and right[2] > 150 > right[0]
    assert not [each for each in Path(settings.data).rglob("*") if each.suffix in (".heic", ".jpg")]


def test_it_is_seen_upright(client: Client) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter
    out = io.BytesIO()
    Image.new("RGB", (60, 40)).save(out, "JPEG", exif=exif)
    answer = see(client, out.getvalue(), "me.jpg")
    with Image.open(io.BytesIO(answer.data)) as shown:
        assert shown.size == (40, 60)
    assert answer.headers["Original-Width"] == "40"


@pytest.mark.parametrize(
    ("photo", "code"),
    [
        (b"Dear diary", "unsupported_media"),
        (heic(Image.new("RGB", (64, 64)))[:200], "image_unreadable"),
        (b"", "image_unreadable"),
    ],
)
def test_what_is_no_photo_is_refused(client: Client, photo: bytes, code: str) -> None:
    assert see(client, photo).json["code"] == code  # type: ignore[index]


def test_without_a_photo_there_is_nothing_to_see(client: Client) -> None:
    answer = client.post("/v1/previews", data={}, content_type="multipart/form-data")
    assert answer.json["code"] == "invalid_option"  # type: ignore[index]
    assert client.post("/v1/previews", data="photo").json["code"] == "unsupported_media"  # type: ignore[index]
