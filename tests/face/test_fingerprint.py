"""A photo is known again after what people do to photos; other faces are not taken for it."""

from __future__ import annotations

import io
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from reenact.engine import Engine
from reenact.face.fingerprint import BITS, SAME, Bits, distance, fingerprints
from reenact.gallery import list_portraits


def fingerprint(engine: Engine, image: Image.Image) -> Bits:
    picture = np.asarray(image.convert("RGB"))
    return fingerprints(picture, engine.finder.find(picture)[:1])[0]


@pytest.fixture(scope="module")
def photo(portrait_file: Path) -> Image.Image:
    with Image.open(portrait_file) as image:
        image.thumbnail((700, 700))
        return image.convert("RGB")


def encoded(image: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(io.BytesIO(file.getvalue()))


def framed(image: Image.Image) -> Image.Image:
    """In a wider picture, a little turned."""
    wide = Image.new("RGB", (image.width * 3 // 2, image.height * 3 // 2), (90, 120, 90))
    wide.paste(image.rotate(6, Image.Resampling.BICUBIC), (image.width // 4, image.height // 4))
    return wide


COPIES = {
    "encoded": lambda image: encoded(image, 30),
    "small": lambda image: image.resize((image.width // 3, image.height // 3)),
    "cut": lambda image: image.crop((image.width // 8, 0, image.width, image.height * 3 // 4)),
    "framed": framed,
    "bright": lambda image: ImageEnhance.Brightness(image).enhance(1.2),
    "grey": lambda image: image.convert("L"),
    "mirrored": lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
}


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_has_nearly_the_same(engine: Engine, photo: Image.Image, name: str) -> None:
    known = fingerprint(engine, photo)[0]
    assert distance(known, fingerprint(engine, COPIES[name](photo))).min() <= SAME


def test_other_faces_have_others(engine: Engine) -> None:
    found = [fingerprint(engine, Image.open(each.path)) for each in list_portraits()]
    assert {each.shape for each in found} == {(2, BITS)}
    for one, other in combinations(found, 2):
        assert distance(one[0], other).min() > 1.3 * SAME


def test_a_picture_without_faces_has_none() -> None:
    assert fingerprints(np.zeros((64, 64, 3), np.uint8), []).shape == (0, 2, BITS)
