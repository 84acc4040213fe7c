"""What is said of a clip into which a face was put."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path

import c2pa
import numpy as np
import pytest

from reenact.media import write_clip
from reenact.provenance.certificate import Certificate
from reenact.provenance.credentials import SOURCE_TYPE, sign_clip
from reenact.provenance.manifest import Manifest, read_manifest
from reenact.provenance.origin import Origin, SourceFile
from reenact.provenance.report_text import report_sentences
from reenact.provenance.verify import Report
from reenact.types import Clip
from reenact.watermark.detect import DetectedMark

FORMATS = ("mp4", "gif", "webp")
MARK = DetectedMark(id=7, confidence=1.0, frames=3, agreeing=3, scale=1.0, mirrored=False)


def made(out: Path, certificate: Certificate | None, photo: Path, clip: Path | None) -> Path:
    """Three frames that say that ``photo`` was put into ``clip``, or animated where there is no clip."""
    frames = np.random.default_rng(0).integers(0, 255, (3, 64, 64, 3), np.uint8)
    face = SourceFile("portrait", photo)
    origin = Origin("ab" * 32, "nod", (face,))
    if clip:
        origin = Origin("ab" * 32, None, (face, SourceFile("clip", clip)), "swap")
    sign_file = partial(sign_clip, origin=origin, certificate=certificate) if certificate else None
    return write_clip(Clip(iter(frames), Fraction(25), 3), out, sign_file=sign_file).path


def manifest_of(path: Path) -> Manifest:
    found = read_manifest(path)
    assert found and found.valid and not found.problems
    return found


@pytest.mark.parametrize("format", FORMATS)
def test_the_manifest_names_the_edit_and_what_was_edited(
    certificate: Certificate, photo: Path, tmp_path: Path, format: str
) -> None:
    clip = made(tmp_path / f"clip.{format}", None, photo, None)
    path = made(tmp_path / f"swapped.{format}", certificate, photo, clip)
    with c2pa.Reader(str(path)) as reader:
        store = json.loads(reader.json())
        assert reader.get_validation_state() == "Valid"
    active = store["manifests"][store["active_manifest"]]
    data = {each["label"]: each["data"] for each in active["assertions"]}
    opened, edited = data["c2pa.actions.v2"]["actions"]
    assert (opened["action"], edited["action"]) == ("c2pa.opened", "c2pa.edited")
    assert edited["digitalSourceType"] == SOURCE_TYPE and "digitalSourceType" not in opened
    assert len(opened["parameters"]["ingredients"]) == len(edited["parameters"]["ingredients"]) == 1
    assert data["reenact.animation"] == {"model": "ab" * 32, "act": "swap"}
    manifest = manifest_of(path)
    assert {(each.title, each.relationship) for each in manifest.ingredients} == {
        ("portrait", "inputTo"),
        ("clip", "parentOf"),
    }
    assert (manifest.act, manifest.made_by_ai) == ("swap", True)
    assert manifest_of(made(tmp_path / f"other.{format}", certificate, photo, None)).act == "animate"


@pytest.mark.parametrize("format", FORMATS)
def test_the_manifest_of_a_clip_of_ours_is_kept(
    certificate: Certificate, photo: Path, signed_photo: Path, tmp_path: Path, format: str
) -> None:
    clip = made(tmp_path / f"clip.{format}", certificate, signed_photo, None)
    path = made(tmp_path / f"swapped.{format}", certificate, photo, clip)
    manifest = manifest_of(path)
    assert [each.title for each in manifest.ingredients if each.signed] == ["clip"]
    again = made(tmp_path / f"again.{format}", certificate, photo, path)
    assert manifest_of(again).actions[:2] == ("c2pa.opened", "c2pa.edited")
    said = report_sentences(Report(MARK, manifest))
    assert "Made of: clip, which has Content Credentials too." in said


def test_a_person_is_told_that_a_face_was_put_into_a_clip(
    certificate: Certificate, photo: Path, tmp_path: Path
) -> None:
    clip = made(tmp_path / "clip.mp4", None, photo, None)
    swapped = manifest_of(made(tmp_path / "swapped.mp4", certificate, photo, clip))
    first, *rest = report_sentences(Report(MARK, swapped))
    assert first == "This was made by Reenact: a program put a face into a clip."
    assert any("They say: a face was put into a clip with AI by Reenact" in each for each in rest)
    animated = manifest_of(made(tmp_path / "animated.mp4", certificate, photo, None))
    assert "the face in it was moved" in report_sentences(Report(MARK, animated))[0]


def test_what_was_done_is_left_open_where_no_manifest_that_holds_says_it(
    certificate: Certificate, photo: Path, tmp_path: Path
) -> None:
    clip = made(tmp_path / "clip.mp4", None, photo, None)
    swapped = manifest_of(made(tmp_path / "swapped.mp4", certificate, photo, clip))
    for manifest in (None, replace(swapped, valid=False), replace(swapped, ours=False)):
        assert report_sentences(Report(MARK, manifest))[0].endswith("moved the face in it, or put it there.")
