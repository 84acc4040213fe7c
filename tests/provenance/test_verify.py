"""What is said of files that were signed, marked, changed, stripped, encoded anew, or are none of ours."""

from __future__ import annotations

import json
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from reenact.cli import main
from reenact.errors import DrivingUnreadable, ImageTooLarge, UnsupportedMedia
from reenact.gallery import list_portraits
from reenact.media import EncodeOptions, open_clip, read_picture, write_clip
from reenact.provenance.certificate import Certificate, development_certificate, read_anchors
from reenact.provenance.credentials import sign_clip
from reenact.provenance.manifest import read_manifest
from reenact.provenance.origin import Origin, SourceFile
from reenact.provenance.report_text import report_sentences
from reenact.provenance.verify import Report, as_json, verify
from reenact.types import Clip
from reenact.watermark.embed import Marker, Watermark

FORMATS = ("mp4", "gif", "webp")
ID, FRAMES = 0x0123456789ABCDEF, 8


def made(out: Path, photo: Path, certificate: Certificate | None, marked: bool = True) -> Path:
    """A clip of a real picture whose brightness changes a little."""
    picture = Image.fromarray(read_picture(list_portraits()[0].path)).resize((384, 384))
    frames = [np.asarray(picture.point(lambda level, at=at: min(255, level + at))) for at in range(FRAMES)]
    if marked:
        frames = list(map(Marker(Watermark(ID)).mark, frames))
    origin = Origin("ab" * 32, "nod", (SourceFile("portrait", photo),))
    sign_file = partial(sign_clip, origin=origin, certificate=certificate) if certificate else None
    write_clip(Clip(iter(frames), Fraction(25), FRAMES), out, sign_file=sign_file)
    return out


@pytest.fixture(scope="session")
def ours(certificate: Certificate, photo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a result of each format."""
    folder = tmp_path_factory.mktemp("ours")
    for format in FORMATS:
        made(folder / f"result.{format}", photo, certificate)
    return folder


def flipped(path: Path, out: Path, share: float = 0.9) -> Path:
    content = bytearray(path.read_bytes())
    content[int(share * len(content))] ^= 1
    out.write_bytes(content)
    return out


@pytest.mark.parametrize("format", FORMATS)
def test_a_result_is_told_by_both(ours: Path, format: str) -> None:
    report = verify(ours / f"result.{format}")
    assert report.verdict == "made" and report.watermark and report.manifest
    assert report.watermark.id == ID
    manifest = report.manifest
    assert (manifest.valid, manifest.trusted, manifest.development, manifest.ours) == (
        True,
        False,
        True,
        True,
    )
    assert (manifest.source_type, manifest.made_by_ai) == ("compositeWithTrainedAlgorithmicMedia", True)
    assert (manifest.model, manifest.template, manifest.problems) == ("ab" * 32, "nod", ())
    assert [each.title for each in manifest.ingredients] == ["portrait"]
    said = " ".join(report_sentences(report))
    assert "made with AI by Reenact" in said and "DEVELOPMENT certificate" in said


@pytest.mark.parametrize("format", FORMATS)
def test_a_changed_result_is_still_ours_and_said_to_be(ours: Path, tmp_path: Path, format: str) -> None:
    share = {"mp4": 0.999, "gif": 0.999, "webp": 0.5}[format]
    report = verify(flipped(ours / f"result.{format}", tmp_path / f"result.{format}", share))
    assert report.verdict == "made" and report.watermark and report.watermark.id == ID
    assert report.manifest and not report.manifest.valid and report.manifest.problems
    assert "not valid" in " ".join(report_sentences(report))


def test_a_result_without_its_manifest_is_told_by_its_watermark(ours: Path, tmp_path: Path) -> None:
    path = tmp_path / "stripped.mp4"
    with av.open(str(ours / "result.mp4")) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    report = verify(path)
    assert (report.verdict, report.manifest) == ("made", None)
    assert report.watermark and report.watermark.id == ID
    assert "lost when a file is saved again" in report_sentences(report)[-1]


@pytest.mark.parametrize("format", FORMATS)
def test_a_result_encoded_anew_is_told_by_its_watermark(ours: Path, tmp_path: Path, format: str) -> None:
    path = tmp_path / f"again.{format}"
    write_clip(open_clip(ours / "result.mp4"), path, options=EncodeOptions(crf=28))
    report = verify(path)
    assert (report.verdict, report.manifest) == ("made", None)
    assert report.watermark and report.watermark.id == ID


def judged(path: Path, anchors: str | None = None) -> Report:
    """The report of a file that is known to bear no mark; to search it for one would take a while."""
    return Report(None, read_manifest(path, anchors))


def test_without_a_watermark_a_manifest_is_only_what_a_file_says(
    certificate: Certificate, photo: Path, tmp_path: Path
) -> None:
    path = made(tmp_path / "signed.mp4", photo, certificate, marked=False)
    assert judged(path).verdict == "signed"
    changed = judged(flipped(path, tmp_path / "changed.mp4", 0.999))
    assert changed.verdict == "changed"
    assert "cannot be trusted" in report_sentences(changed)[0]


def test_who_is_trusted_is_believed(photo: Path, tmp_path: Path) -> None:
    certificate = development_certificate(tmp_path / "credentials")
    path = made(tmp_path / "signed.mp4", photo, certificate, marked=False)
    report = judged(path, read_anchors(tmp_path / "credentials" / "authority.pem"))
    assert report.verdict == "made" and report.manifest and report.manifest.trusted
    development_certificate(tmp_path / "other")
    assert judged(path, read_anchors(tmp_path / "other" / "authority.pem")).verdict == "signed"


def test_pictures_are_looked_at_too(signed_photo: Path) -> None:
    report = verify(signed_photo)
    assert report.verdict == "signed" and report.manifest
    assert report.manifest.program == "A [31mcamera 1"  # which steers no terminal
    assert not report.manifest.made_by_ai


def test_a_damaged_manifest_is_no_missing_one(ours: Path, tmp_path: Path) -> None:
    content = (ours / "result.mp4").read_bytes()
    (tmp_path / "damaged.mp4").write_bytes(content.replace(b"c2pa.signature", b"c2pa.signaturX"))
    manifest = read_manifest(tmp_path / "damaged.mp4")
    assert manifest and not manifest.valid and manifest.problems


def test_a_manifest_that_is_only_named_is_not_fetched(photo: Path, tmp_path: Path, unreachable: str) -> None:
    xmp = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:dcterms="http://purl.org/dc/terms/" '
        f'dcterms:provenance="{unreachable}"/></rdf:RDF></x:xmpmeta>'
    )
    with Image.open(photo) as image:
        image.save(tmp_path / "remote.jpg", xmp=xmp.encode())
    assert read_manifest(tmp_path / "remote.jpg") is None


def test_what_is_no_clip_or_picture_is_refused(tmp_path: Path) -> None:
    for content in (b"hello, I am text", b"%PDF-1.7"):
        (tmp_path / "file.mp4").write_bytes(content)
        with pytest.raises(UnsupportedMedia):
            verify(tmp_path / "file.mp4")
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(DrivingUnreadable):
        verify(tmp_path / "empty.mp4")
    with pytest.raises(DrivingUnreadable):
        verify(tmp_path / "none.mp4")
    Image.new("1", (9000, 9000)).save(tmp_path / "huge.png")
    with pytest.raises(ImageTooLarge):
        verify(tmp_path / "huge.png")


def test_the_command_line_speaks_and_prints_json(ours: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(ours / "result.webp")
    assert main(["verify", path]) == 0
    assert capsys.readouterr().out.startswith("This was made by Reenact")
    assert main(["verify", path, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == json.loads(json.dumps(as_json(verify(Path(path)))))
    assert (found["verdict"], found["watermark"]["id"]) == ("made", f"{ID:016x}")
    assert main(["verify", path, "--trust", path]) == 5
    assert "certificate_unusable" in capsys.readouterr().err


def test_nothing_found_is_said_to_prove_nothing() -> None:
    report = Report(None)
    assert report.verdict == "cannot_tell"
    assert "does not show" in report_sentences(report)[0]
