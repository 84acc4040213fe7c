"""Whether a file was made here, and what it says of itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from apiflask import APIBlueprint
from flask import request
from werkzeug.datastructures import FileStorage

from reenact.errors import UnsupportedMedia
from reenact.media import VideoLimits
from reenact.provenance.report_text import report_sentences
from reenact.provenance.verify import Report, as_json, verify
from reenact.watermark.embed import PUBLIC_KEY
from server.api.auth import authenticate, count_order
from server.api.verify_schemas import EXAMPLES, VerifyIn, VerifyOut
from server.container import services
from server.engine.certificate import anchors_of
from server.errors import QueueFull
from server.settings import Settings

bp = APIBlueprint("verify", __name__, url_prefix="/v1/verify")
bp.before_request(authenticate)
_FILE = "file"
_RETRY_SECONDS = 10  # seconds after which a refused client may try again


@bp.before_request
def require_form() -> None:
    """Refuse a body of another kind before it is read."""
    if request.mimetype != "multipart/form-data":
        raise UnsupportedMedia("Send the file as a form: Content-Type multipart/form-data.")


@bp.post("")
@bp.input(VerifyIn, location="form_and_files", arg_name="form")
@bp.output(VerifyOut, examples=EXAMPLES)
@bp.doc(
    responses={
        401: "unauthorized",
        413: "upload_too_large, image_too_large",
        415: "unsupported_media",
        422: "invalid_option, image_unreadable, driving_unreadable, driving_too_long",
        429: "queue_full, rate_limited",
    }
)
def look(form: dict[str, Any]) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Tell where a file comes from.

    It is looked for Content Credentials (C2PA) and for the invisible watermark, which survives re-encoding,
    scaling and cropping. That takes some seconds, longest where there is nothing to find. Where neither is
    found the verdict is `cannot_tell`, since both can be destroyed. The file is deleted at once.
    """
    count_order()
    with _limit_concurrency(), _temporary_upload(form[_FILE]) as path:
        report = _verify(path, services().settings)
    return {**as_json(report), "answer": report_sentences(report)}, 200, {"Cache-Control": "no-store"}


def _verify(path: Path, settings: Settings) -> Report:
    """A report with the operator's key, else with the public one."""
    limits = VideoLimits(max_seconds=settings.driving_seconds, max_side=settings.driving_side)
    trust = anchors_of(settings)
    if settings.watermark_key:
        return verify(path, settings.watermark_key.encode(), limits, trust, other=PUBLIC_KEY)
    return verify(path, limits=limits, anchors=trust)


@contextmanager
def _limit_concurrency() -> Iterator[None]:
    """Limit how many verifications run and wait, so that jobs and other requests go on; raises QueueFull."""
    use = services()
    if not use.wait_slots.acquire(blocking=False):
        raise QueueFull(_RETRY_SECONDS)
    try:
        if not use.verify_slots.acquire(timeout=use.settings.wait_seconds):
            raise QueueFull(_RETRY_SECONDS)
        try:
            yield
        finally:
            use.verify_slots.release()
    finally:
        use.wait_slots.release()


@contextmanager
def _temporary_upload(upload: FileStorage) -> Iterator[Path]:
    """The upload in a folder of its own, which the sweep deletes if this process dies."""
    storage = services().storage
    folder = storage.create_folder()
    try:
        path = storage.upload(folder, _FILE)
        upload.save(path)
        yield path
    finally:
        storage.delete_folder(folder)
