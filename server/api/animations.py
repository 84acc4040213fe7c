"""The jobs: one face, what moves it or what it is put into, one file."""

from __future__ import annotations

import time
from typing import Any

from apiflask import APIBlueprint

from reenact.errors import InvalidOption
from server.api import examples
from server.api.auth import authenticate, owner
from server.api.order_form import SELFIE_GONE, parse_order
from server.api.requests import AnimationIn, PageIn
from server.api.responses import JobOut, JobsOut
from server.api.serializers import job_fields, selfie_expires_at
from server.api.submission import Answer, require_form, require_queue_space, submit_and_respond
from server.container import services
from server.errors import Gone, NotFound
from server.http import text

bp = APIBlueprint("animations", __name__, url_prefix="/v1/animations")
NO_STORE = {"Cache-Control": "no-store"}
bp.before_request(authenticate)
bp.before_request(require_form)
bp.before_request(require_queue_space)


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
        404: "template_not_found, not_found",
        410: "gone",
        413: "upload_too_large, image_too_large",
        415: "unsupported_media",
        422: "invalid_option, consent_required, image_unreadable, driving_unreadable, driving_too_long, "
        "idempotency_conflict",
        401: "unauthorized",
        429: "queue_full, quota_exceeded, rate_limited",
        503: "not_ready, database_unavailable, storage_unavailable",
    }
)
def create(form: dict[str, Any]) -> Answer:
    """Make a face move, or put it into a clip.

    With `effect=swap` the face of the picture goes over the largest face of the clip. Size, rate and sound
    stay the clip's, and so does all that is not the face.

    The answer comes at once; ask the job's address how far it is. With `Prefer: wait=10` it comes when the
    job has ended, at the latest after so many seconds (30 at most), and is 200 if the job has ended by then.

    What is wrong with the request is answered here; what only the work itself can find, for instance a
    picture without a face, becomes the job's `error`.

    Who is not sure that an order arrived sends it again with the same `Idempotency-Key`: within 24 hours the
    same key and the same order give the same job.
    """
    use = services()
    asked = {"language": text.language()} | form
    return submit_and_respond(
        form, lambda: parse_order(asked, use.settings, use.storage, _kept_selfie_folder)
    )


@bp.get("")
@bp.input(PageIn, location="query", arg_name="query")
@bp.output(JobsOut, example=examples.PAGE)
@bp.doc(responses={401: "unauthorized", 422: "invalid_option"})
def list_all(query: dict[str, Any]) -> Answer:
    """The jobs, the latest first, a page at a time.

    `next` is the cursor of the following page, and null on the last one.
    """
    jobs, limit = services().jobs, query["limit"]
    found = jobs.page(owner(), _first_seq(query.get("cursor")), limit + 1)
    after = found[limit - 1].id if len(found) > limit else None
    return {"animations": [job_fields(job) for job in found[:limit]], "next": after}, 200, NO_STORE


@bp.get("/<id>")
@bp.output(JobOut, example=examples.MADE)
@bp.doc(responses={401: "unauthorized", 404: "not_found"})
def get(id: str) -> Answer:
    """A job and how far it is."""
    return job_fields(services().jobs.get(id, owner())), 200, NO_STORE


@bp.delete("/<id>")
@bp.output({}, status_code=204, description="Done.")
@bp.doc(responses={401: "unauthorized", 404: "not_found", 507: "disk_full"})
def delete(id: str) -> tuple[str, int]:
    """Stop a job and delete its files.

    A job that has not ended becomes `cancelled`; of one that has ended, result, kept selfie, faces and
    metadata are deleted, and its status stays.
    """
    services().jobs.cancel(id, owner())
    return "", 204


def _kept_selfie_folder(id: str) -> str:
    """The upload folder of a kept selfie of this client; raises NotFound, Gone and InvalidOption."""
    job = services().jobs.get(id, owner())
    if not job.order.keep_selfie:
        raise InvalidOption("selfie_of: The selfie of that job was not kept. Send the selfie again.")
    if selfie_expires_at(job) <= time.time():
        raise Gone(SELFIE_GONE)
    return job.order.upload_folder


def _first_seq(cursor: str | None) -> int | None:
    """The ``seq`` of the job that a cursor names, the last one of the previous page; raises InvalidOption."""
    try:
        return services().jobs.get(cursor, owner()).seq if cursor else None
    except NotFound:
        raise InvalidOption(
            "cursor: The job it names does not exist any more. Start again without a cursor."
        ) from None
