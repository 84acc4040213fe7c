"""c2pa's own reader finds every result's manifest valid, and any change of it invalid."""

from __future__ import annotations

import json
from fractions import Fraction
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import c2pa
import numpy as np
import pytest
from PIL import Image

from reenact.errors import OutputError
from reenact.media import open_clip, write_clip
from reenact.provenance.certificate import Certificate
from reenact.provenance.credentials import SOURCE_TYPE, sign_clip
from reenact.provenance.origin import Origin, SourceFile
from reenact.types import Clip

MIME = {"mp4": "video/mp4", "gif": "image/gif", "webp": "image/webp"}
FRAMES = 5


@pytest.fixture(scope="session")
def results(certificate: Certificate, photo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a signed result of each format."""
    folder = tmp_path_factory.mktemp("results")
    for format in MIME:
        made(folder / f"result.{format}", certificate, photo)
    return folder


def made(out: Path, certificate: Certificate | None, photo: Path) -> Path:
    frames = np.random.default_rng(0).integers(0, 255, (FRAMES, 8, 8, 3), np.uint8).repeat(8, 1).repeat(8, 2)
    origin = Origin("ab" * 32, "nod", (SourceFile("portrait", photo),))
    sign_file = partial(sign_clip, origin=origin, certificate=certificate) if certificate else None
    written = write_clip(Clip(iter(frames), Fraction(25), FRAMES), out, sign_file=sign_file)
    assert written.bytes == out.stat().st_size
    assert [path for path in out.parent.iterdir() if path.name.startswith(".")] == []
    return out


def state(content: bytes, format: str) -> str:
    """What c2pa's own reader, with its own settings, says of a file."""
    try:
        reader = c2pa.Reader.try_create(MIME[format], BytesIO(content))
        return "none" if reader is None else reader.get_validation_state() or "none"
    except c2pa.C2paError:
        return "broken"


def store(path: Path) -> dict[str, Any]:
    with c2pa.Reader(MIME[path.suffix[1:]], BytesIO(path.read_bytes())) as reader:
        found: dict[str, Any] = json.loads(reader.json())
    return found


def active(path: Path) -> dict[str, Any]:
    found = store(path)
    manifest: dict[str, Any] = found["manifests"][found["active_manifest"]]
    return manifest


@pytest.mark.parametrize("format", MIME)
def test_a_result_is_valid_and_still_plays(results: Path, photo: Path, tmp_path: Path, format: str) -> None:
    path = results / f"result.{format}"
    assert state(path.read_bytes(), format) == "Valid"
    unsigned = made(tmp_path / path.name, None, photo)
    shown, before = (list(open_clip(each).frames) for each in (path, unsigned))
    assert len(shown) == FRAMES
    assert all(np.array_equal(a, b) for a, b in zip(shown, before, strict=True))
    assert path.stat().st_size - unsigned.stat().st_size < 6000


@pytest.mark.parametrize("format", MIME)
def test_a_manifest_says_how_the_clip_was_made(results: Path, format: str) -> None:
    manifest = active(results / f"result.{format}")
    assertions = {each["label"]: each["data"] for each in manifest["assertions"]}
    (created,) = assertions["c2pa.actions.v2"]["actions"]
    assert (created["action"], created["digitalSourceType"]) == ("c2pa.created", SOURCE_TYPE)
    assert created["when"] and created["softwareAgent"]["name"] == "Reenact"
    assert len(created["parameters"]["ingredients"]) == 1
    assert assertions["reenact.animation"] == {"model": "ab" * 32, "template": "nod"}
    assert manifest["claim_generator_info"][0]["name"] == "Reenact"
    assert "development certificate" in manifest["signature_info"]["issuer"]


def test_the_portrait_is_an_ingredient_without_pixels_or_name(results: Path) -> None:
    path = results / "result.mp4"
    (ingredient,) = active(path)["ingredients"]
    assert (ingredient["title"], ingredient["relationship"]) == ("portrait", "inputTo")
    assert "thumbnail" not in ingredient
    assert b"John" not in path.read_bytes()


@pytest.mark.parametrize("format", MIME)
def test_one_byte_changed_makes_it_invalid(results: Path, format: str) -> None:
    """In head, tables, pixels and end of the file, and in what the manifest says.

    Of the manifest only words are tried, since its padding means nothing; nor is the head of an mp4 signed,
    which names the format (C2PA specification, exclusions of the BMFF hash).
    """
    path = results / f"result.{format}"
    content = path.read_bytes()
    begin = content.find(b"jumb")
    size = int.from_bytes(content[begin - 4 : begin])
    outside = [*range(32, begin - 48), *range(begin + size + size // 255 + 48, len(content))]
    label = store(path)["active_manifest"].encode()
    said = [content.find(word) for word in (b"c2pa.created", b"reenact.animation", label, b"nod", b"ab" * 32)]
    assert min(said) > 0
    seen = []
    for at in (*outside[:: len(outside) // 25], *said):
        changed = bytearray(content)
        changed[at] ^= 1
        seen.append(state(bytes(changed), format))
    # "none": a part of the file lost its name, and the reader no longer finds what stands behind it.
    assert set(seen) <= {"Invalid", "broken", "none"} and seen.count("none") <= 2


def test_an_inputs_manifest_is_kept_without_its_thumbnail(
    certificate: Certificate, signed_photo: Path, tmp_path: Path
) -> None:
    path = made(tmp_path / "result.mp4", certificate, signed_photo)
    assert state(path.read_bytes(), "mp4") == "Valid"
    found = store(path)
    (ingredient,) = found["manifests"][found["active_manifest"]]["ingredients"]
    inner = found["manifests"][ingredient["active_manifest"]]
    assert inner["claim_generator_info"][0]["name"].endswith("camera")
    assert not any("failure" in each for each in ingredient.get("validation_status", []))
    assert b"c2pa.thumbnail.claim" in signed_photo.read_bytes()
    with Image.open(signed_photo) as whole:
        assert whole.size == (128, 128)
    assert b"\xff\xd8\xff" not in path.read_bytes()  # no JPEG in it


def test_a_manifest_that_an_input_only_names_is_not_fetched(
    certificate: Certificate, photo: Path, tmp_path: Path, unreachable: str
) -> None:
    remote = tmp_path / "remote.jpg"
    xmp = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:dcterms="http://purl.org/dc/terms/" '
        f'dcterms:provenance="{unreachable}"/></rdf:RDF></x:xmpmeta>'
    )
    with Image.open(photo) as image:
        image.save(remote, xmp=xmp.encode())
    path = made(tmp_path / "result.mp4", certificate, remote)
    assert state(path.read_bytes(), "mp4") == "Valid"
    assert unreachable.encode() not in path.read_bytes()


def test_what_cannot_be_signed_leaves_nothing(certificate: Certificate, photo: Path, tmp_path: Path) -> None:
    broken = Certificate(certificate.chain, b"no key", "es256", "broken", True)
    with pytest.raises(OutputError, match="cannot be signed"):
        made(tmp_path / "result.mp4", broken, photo)
    assert list(tmp_path.iterdir()) == []
