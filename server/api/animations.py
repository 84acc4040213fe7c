"""The jobs: one face, one motion, one file."""

from __future__ import annotations

import re
from hashlib import file_digest, sha256
from typing import Any

from apiflask import APIBlueprint
from flask import request, url_for
from werkzeug.datastructures import FileStorage

from reenact.errors import InvalidOption, UnsupportedMedia
from server import logs
from server.api import examples
from server.api.access import check_webhook, count_order, identify, owner
from server.api.intake import take_in
from server.api.schemas import AnimationIn, JobOut, JobsOut, PageIn
from server.api.shown import shown
from server.errors import NotFound
from server.jobs import ENDED, Idempotency, Job
from server.services import services
from server.web import text

bp = APIBlueprint("animations", __name__, url_prefix="/v1/animations")
Answer = tuple[dict[str, Any], int, dict[str, str]]
NO_STORE = {"Cache-Control": "no-store"}
_KEY = re.compile(r"[!-~]{1,255}")
_WAIT = re.compile(r"(?:^|[,;\s])wait=([0-9]{1,6})(?=$|[,;\s])")
bp.before_request(identify)


@bp.before_request
def want_a_form() -> None:
    """Refuse a body of another kind before it is read."""
    if request.method == "POST" and request.mimetype != "multipart/form-data":
        raise UnsupportedMedia("Send the order as a form: Content-Type multipart/form-data.")


@bp.post("")
@bp.input(AnimationIn, location="form_and_files", arg_name="form")
@bp.output(
    JobOut,
    status_code=202,
    description="The job was taken; `Location` is its address.",
    example=examples.TAKEN,
)
@bp.doc(
    responses={
        200: "With `Prefer: wait`: the job has ended.",
        404: "template_not_found",
        413: "upload_too_large, image_too_large",
        415: "unsupported_media",
        422: "invalid_option, consent_required, image_unreadable, driving_unreadable, driving_too_long, "
        "idempotency_conflict",
        401: "unauthorized",
        429: "queue_full, quota_exceeded, rate_limited",
        503: "not_ready",
    }
)
def create(form: dict[str, Any]) -> Answer:
    """Make a face move.

    The answer comes at once; ask the job's address how far it is. With `Prefer: wait=10` it comes when the
    job has ended, at the latest after so many seconds (30 at most), and is 200 if the job has ended by then.

    What is wrong with the request is answered here; what only the work itself can find, for instance a
    picture without a face, becomes the job's `error`.

    Who is not sure that an order arrived sends it again with the same `Idempotency-Key`: within 24 hours the
    same key and the same order give the same job.
    """
    use = services()
    job = _taken(form, _idempotency(form))
    logs.job.set(job.id)
    headers = {"Location": url_for("animations.get", id=job.id)}
    wait = _wait_asked(request.headers.get("Prefer", ""))
    if wait is not None and use.waiting.acquire(blocking=False):
        headers["Preference-Applied"] = f"wait={wait}"
        try:
            job = use.jobs.wait(job.id, min(wait, use.settings.wait_seconds), owner())
        finally:
            use.waiting.release()
    return shown(job), 200 if job.status in ENDED else 202, headers


def _taken(form: dict[str, Any], idempotency: Idempotency | None) -> Job:
    """The job of a form: a new one, or the one that its Idempotency-Key made before."""
    use = services()
    if idempotency and (first := use.jobs.repeated(owner(), idempotency)):
        return first
    count_order()
    check_webhook(form.get("webhook"))
    taken = take_in({"language": text.language()} | form, use.settings, use.storage)
    try:
        job = use.jobs.submit(
            taken.order,
            taken.frames,
            owner=owner(),
            webhook=form.get("webhook"),
            metadata=form.get("metadata"),
            idempotency=idempotency,
        )
    except BaseException:
        use.storage.drop(taken.order.place)
        raise
    try:
        use.consents.add(job.id, owner(), taken.face)
    except BaseException:  # nothing is made without a record of consent
        use.jobs.cancel(job.id)
        raise
    return job


@bp.get("")
@bp.input(PageIn, location="query", arg_name="query")
@bp.output(JobsOut, example=examples.PAGE)
@bp.doc(responses={401: "unauthorized", 422: "invalid_option"})
def list_all(query: dict[str, Any]) -> Answer:
    """The jobs, the latest first, a page at a time.

    `next` is the cursor of the following page, and null on the last one.
    """
    jobs, limit = services().jobs, query["limit"]
    found = jobs.page(owner(), _before(query.get("cursor")), limit + 1)
    after = found[limit - 1].id if len(found) > limit else None
    return {"animations": [shown(job) for job in found[:limit]], "next": after}, 200, NO_STORE


@bp.get("/<id>")
@bp.output(JobOut, example=examples.MADE)
@bp.doc(responses={401: "unauthorized", 404: "not_found"})
def get(id: str) -> Answer:
    """A job and how far it is."""
    return shown(services().jobs.get(id, owner())), 200, NO_STORE


@bp.delete("/<id>")
@bp.output({}, status_code=204, description="Done.")
@bp.doc(responses={401: "unauthorized", 404: "not_found"})
def delete(id: str) -> tuple[str, int]:
    """Stop a job and delete its files.

    A job that has not ended becomes `cancelled`; of one that has ended, the result is deleted.
    """
    services().jobs.cancel(id, owner())
    return "", 204


def _wait_asked(prefer: str) -> int | None:
    """The seconds of ``Prefer: wait=N`` (RFC 7240); None where it is not asked for or makes no sense."""
    found = _WAIT.search(prefer)
    return int(found[1]) if found else None


def _before(cursor: str | None) -> int | None:
    """Where the page begins that a cursor, the id of the last job seen, stands for; raises InvalidOption."""
    try:
        return services().jobs.get(cursor, owner()).seq if cursor else None
    except NotFound:
        raise InvalidOption(
            "cursor: This page is not there any more. Begin again without a cursor."
        ) from None


def _idempotency(form: dict[str, Any]) -> Idempotency | None:
    """The request's Idempotency-Key with a digest of all that was sent; raises InvalidOption."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        raise InvalidOption("Idempotency-Key: Send 1 to 255 visible ASCII characters, for instance a UUID.")
    digest = sha256()
    for name, value in sorted(form.items()):
        digest.update(f"{name}={_text(value)}\n".encode())
    return Idempotency(key, digest.hexdigest())


def _text(value: object) -> str:
    """A form's value; of an upload its digest, after which it can be read from the start again."""
    if not isinstance(value, FileStorage):
        return repr(value)
    digest = file_digest(value.stream, "sha256").hexdigest()  # type: ignore[arg-type]
    value.stream.seek(0)
    return digest
