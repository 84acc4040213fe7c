"""Content Credentials (C2PA): a signed manifest in a clip that says how it was made.

clip + what it was made of -> manifest -> clip with the manifest in it

Nothing is fetched from the network: not a manifest that an input only names, nor a time stamp, nor a list of
revoked certificates.
"""

from __future__ import annotations

import datetime
import json
import logging
from collections.abc import Sequence
from contextlib import ExitStack
from functools import cache
from io import BufferedRandom, BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import c2pa

from reenact.config import version
from reenact.errors import CertificateUnusable, OutputError
from reenact.media import formats
from reenact.os_errors import unwritable
from reenact.provenance.certificate import Certificate
from reenact.provenance.error_recording_file import ErrorRecordingFile
from reenact.provenance.origin import Origin, SourceFile

log = logging.getLogger(__name__)

GENERATOR = "Reenact"
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
ANIMATION = "reenact.animation"  # our own assertion: the model, the template and the act
MIME = {
    formats.JPEG: "image/jpeg",
    formats.PNG: "image/png",
    formats.WEBP: "image/webp",
    formats.HEIC: "image/heic",
    formats.AVIF: "image/avif",
    formats.GIF: "image/gif",
    formats.MP4: "video/mp4",
}
_OTHER = "application/octet-stream"
SETTINGS: dict[str, Any] = {
    "version": 1,
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_after_sign": False},
    "builder": {"thumbnail": {"enabled": False}},
}
_PIXEL = bytes.fromhex("47494638396101000100800000000000ffffff2c00000000010001000002024401003b")  # a GIF


def sign_clip(clip: Path, out: Path, origin: Origin, certificate: Certificate) -> None:
    """Write ``clip`` (mp4, gif or webp) with a signed manifest to ``out``.

    A manifest that an input carries is kept as an ingredient's, without the thumbnails in it.

    Raises:
        OutputError: it cannot be signed or written.
    """
    inputs = [(each, _thumbnails_to_redact(each)) for each in origin.inputs]
    raw: ErrorRecordingFile | None = None
    try:
        with clip.open("rb") as source, ErrorRecordingFile(out, "w+") as raw, BufferedRandom(raw) as target:
            try:
                _embed_manifest(source, target, _mime(source), origin, certificate, inputs)
            except c2pa.C2paError as e:
                if not any(kept for _, kept in inputs):
                    raise
                log.warning("The manifest of an input cannot be kept: %s", e)
                target.seek(0)
                target.truncate()
                plain: list[_Pair] = [(each, None) for each, _ in inputs]
                _embed_manifest(source, target, _mime(source), origin, certificate, plain)
    except (c2pa.C2paError, OSError) as e:
        failure = raw.failure if raw else None
        if failure or isinstance(e, OSError):
            raise unwritable(f"The folder {out.parent}", failure or e) from e
        raise OutputError(f"The result cannot be signed: {e}.") from e


def check_certificate(certificate: Certificate) -> None:
    """Sign a picture of one pixel and read it back; raises CertificateUnusable."""
    signed = BytesIO()
    try:
        _embed_manifest(BytesIO(_PIXEL), signed, "image/gif", Origin("", None, ()), certificate, [])
        with c2pa_context() as use, c2pa.Reader("image/gif", signed, context=use) as reader:
            state = reader.get_validation_state()
            why = [each["code"] for each in _failures(reader)]
    except c2pa.C2paError as e:
        raise CertificateUnusable(f"The certificate {certificate.name!r} cannot sign: {e}.") from e
    if state not in ("Valid", "Trusted"):
        raise CertificateUnusable(
            f"Signatures of the certificate {certificate.name!r} are not valid ({', '.join(why)}). It must "
            "not be self-signed, allow digital signatures, and have an extended key usage that C2PA accepts."
        )


def open_manifest_store(content: BinaryIO, anchors: str | None = None) -> c2pa.Reader | None:
    """The manifests in a file; None where it has none, or is of a kind that has none.

    Args:
        content: opened; stays so while the reader is used.
        anchors: PEM of the roots that are believed.

    Raises:
        c2pa.C2paError: they are damaged, or lie elsewhere on the network.
    """
    mime = _mime(content)
    if mime == _OTHER:
        return None
    with c2pa_context(anchors) as use:
        return c2pa.Reader.try_create(mime, content, context=use)


def c2pa_context(anchors: str | None = None) -> c2pa.Context:
    """Settings for one call of the library. ``anchors``: PEM of the roots that are believed."""
    trust = {"trust": {"user_anchors": anchors}} if anchors else {}
    return c2pa.Context.from_dict({**SETTINGS, **trust})


@cache
def program() -> dict[str, str]:
    """This program and its version, as a manifest names it."""
    return {"name": GENERATOR, "version": version()}


_Pair = tuple[
    SourceFile, list[str] | None
]  # an input and, where its manifest is kept, what is taken out of it


def _embed_manifest(
    source: BinaryIO,
    target: BinaryIO,
    mime: str,
    origin: Origin,
    certificate: Certificate,
    inputs: Sequence[_Pair],
) -> None:
    info = c2pa.C2paSignerInfo(certificate.algorithm.encode(), certificate.chain, certificate.key, None)
    source.seek(0)
    with ExitStack() as opened:
        use = opened.enter_context(c2pa_context())
        builder = opened.enter_context(c2pa.Builder(_manifest(mime, origin, inputs), use))
        for each, kept in inputs:
            if kept is not None:
                content = opened.enter_context(_open(each.file))
                builder.add_ingredient(_ingredient(each), _mime(content), content)
        signer = opened.enter_context(c2pa.Signer.from_info(info))
        builder.sign(signer, mime, source, target)


def _manifest(mime: str, origin: Origin, inputs: Sequence[_Pair]) -> dict[str, Any]:
    """The manifest's definition, as c2pa's builder reads it."""
    redacted = [uri for _, kept in inputs for uri in kept or ()]
    taken_out = [
        {"action": "c2pa.redacted", "reason": "c2pa.PII.present", "parameters": {"redacted": uri}}
        for uri in redacted
    ]
    made = {"model": origin.model} | ({"template": origin.template} if origin.template else {})
    if origin.act != "animate":
        made["act"] = origin.act
    return {
        "claim_generator_info": [program()],
        "format": mime,
        "ingredients": [_ingredient(each) for each, kept in inputs if kept is None],
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": [*_actions(origin), *taken_out]}},
            {"label": ANIMATION, "data": made},
        ],
        "redactions": redacted,
    }


def _actions(origin: Origin) -> list[dict[str, Any]]:
    """What was done (C2PA 2.2, "Actions"): a picture was made to move, or a clip opened and a face put in.

    What a model was given is an ingredient of what it made (inputTo); a clip that was changed is its parent.
    """
    about = {
        "when": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "softwareAgent": program(),
    }
    made = about | {
        "action": "c2pa.edited" if origin.act == "swap" else "c2pa.created",
        "digitalSourceType": SOURCE_TYPE,
        "parameters": {"ingredientIds": [each.role for each in origin.inputs if each.role != "clip"]},
    }
    if origin.act != "swap":
        return [made]
    return [about | {"action": "c2pa.opened", "parameters": {"ingredientIds": ["clip"]}}, made]


def _ingredient(each: SourceFile) -> dict[str, str]:
    """An ingredient of our own words; an id of our own too, since one of the file's would lead to it."""
    with _open(each.file) as content:
        mime = _mime(content)
    return {
        "title": each.role,
        "format": mime,
        "relationship": "parentOf" if each.role == "clip" else "inputTo",
        "label": each.role,
        "instance_id": each.role,
    }


def _thumbnails_to_redact(each: SourceFile) -> list[str] | None:
    """The thumbnails to take out of an input's manifest; None where it carries no manifest."""
    with _open(each.file) as content:
        try:
            reader = open_manifest_store(content)
            return _thumbnails(reader) if reader else None
        except c2pa.C2paError as e:  # of a manifest that is damaged, or elsewhere on the network
            log.info("An input's manifest cannot be read: %s", e)
            return None


def _thumbnails(reader: c2pa.Reader) -> list[str]:
    """The addresses of all pictures in a manifest store."""
    with reader:
        store = json.loads(reader.detailed_json())
    return [
        f"self#jumbf=/c2pa/{manifest}/c2pa.assertions/{label}"
        for manifest, content in store["manifests"].items()
        for label in content["assertion_store"]
        if "thumbnail" in label
    ]


def _failures(reader: c2pa.Reader) -> list[dict[str, str]]:
    results = reader.get_validation_results() or {}
    return list(results.get("activeManifest", {}).get("failure", []))


def _mime(content: BinaryIO) -> str:
    """The media type, told from the first bytes; what can have no manifest need not be known exactly."""
    content.seek(0)
    found = formats.recognise(content.read(formats.HEAD_BYTES))
    content.seek(0)
    return MIME.get(found, _OTHER) if found else _OTHER


def _open(file: bytes | Path) -> BinaryIO:
    return BytesIO(file) if isinstance(file, bytes) else file.open("rb")
