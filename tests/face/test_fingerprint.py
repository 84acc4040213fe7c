"""A photo is known again after what people do to photos; other faces are not taken for it."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reenact.engine import Engine
from reenact.face.fingerprint import BITS, MAX_COPY_DISTANCE, Bits, fingerprints, hamming_distance
from reenact.gallery import list_portraits

from .copies import COPIES


def fingerprint(engine: Engine, image: Image.Image) -> Bits:
    picture = np.asarray(image.convert("RGB"))
    return fingerprints(picture, engine.finder.find(picture)[:1])[0]


@pytest.fixture(scope="module")
def photo(portrait_file: Path) -> Image.Image:
    with Image.open(portrait_file) as image:
        image.thumbnail((700, 700))
        return image.convert("RGB")


WEAK = {"a third, JPEG 50"}  # found for half of the photos only: docs/provenance.md


@pytest.mark.parametrize("name", sorted(COPIES.keys() - WEAK))
def test_a_copy_has_nearly_the_same(engine: Engine, photo: Image.Image, name: str) -> None:
    known = fingerprint(engine, photo)[0]
    assert hamming_distance(known, fingerprint(engine, COPIES[name](photo))).min() <= MAX_COPY_DISTANCE


def test_other_faces_have_others(engine: Engine) -> None:
    found = [fingerprint(engine, Image.open(each.path)) for each in list_portraits()]
    assert {each.shape for each in found} == {(2, BITS)}
    for one, other in combinations(found, 2):
        assert hamming_distance(one[0], other).min() > 1.3 * MAX_COPY_DISTANCE


def test_a_picture_without_faces_has_none() -> None:
    assert fingerprints(np.zeros((64, 64, 3), np.uint8), []).shape == (0, 2, BITS)
