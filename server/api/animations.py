"""The jobs: one face, one motion, one file."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from apiflask import APIBlueprint
from flask import request, url_for

from reenact.errors import UnsupportedMedia
from server.api.intake import take_in
from server.api.schemas import AnimationIn, JobOut
from server.jobs import ENDED, Job, Outcome
from server.services import services

bp = APIBlueprint("animations", __name__, url_prefix="/v1/animations")
Answer = tuple[dict[str, Any], int, dict[str, str]]
_WAIT = re.compile(r"(?:^|[,;\s])wait=([0-9]{1,6})(?=$|[,;\s])")


@bp.before_request
def want_a_form() -> None:
    """Refuse a body of another kind before it is read."""
    if request.method == "POST" and request.mimetype != "multipart/form-data":
        raise UnsupportedMedia("Send the order as a form: Content-Type multipart/form-data.")


@bp.post("")
@bp.input(AnimationIn, location="form_and_files", arg_name="form")
@bp.output(JobOut, status_code=202, description="The job was taken; `Location` is its address.")
@bp.doc(
    responses={
        200: "With `Prefer: wait`: the job has ended.",
        404: "template_not_found",
        413: "upload_too_large, image_too_large",
        415: "unsupported_media",
        422: "invalid_option, consent_required, image_unreadable, driving_unreadable, driving_too_long",
        429: "queue_full",
        503: "not_ready",
    }
)
def create(form: dict[str, Any]) -> Answer:
    """Make a face move.

    The answer comes at once; ask the job's address how far it is. With `Prefer: wait=10` it comes when the
    job has ended, at the latest after so many seconds (30 at most), and is 200 if the job has ended by then.

    What is wrong with the request is answered here; what only the work itself can find, for instance a
    picture without a face, becomes the job's `error`.
    """
    use = services()
    taken = take_in(form, use.settings, use.storage)
    try:
        job = use.jobs.submit(taken.order, taken.frames)
    except BaseException:
        use.storage.drop(taken.order.place)
        raise
    headers = {"Location": url_for("animations.get", id=job.id)}
    wait = _wait_asked(request.headers.get("Prefer", ""))
    if wait is not None and use.waiting.acquire(blocking=False):
        headers["Preference-Applied"] = f"wait={wait}"
        try:
            job = use.jobs.wait(job.id, min(wait, use.settings.wait_seconds))
        finally:
            use.waiting.release()
    return shown(job), 200 if job.status in ENDED else 202, headers


@bp.get("/<id>")
@bp.output(JobOut)
@bp.doc(responses={404: "not_found"})
def get(id: str) -> Answer:
    """A job and how far it is."""
    return shown(services().jobs.get(id)), 200, {"Cache-Control": "no-store"}


@bp.delete("/<id>")
@bp.output({}, status_code=204, description="Done.")
@bp.doc(responses={404: "not_found"})
def delete(id: str) -> tuple[str, int]:
    """Stop a job and delete its files.

    A job that has not ended becomes `cancelled`; of one that has ended, the result is deleted.
    """
    services().jobs.cancel(id)
    return "", 204


def shown(job: Job) -> dict[str, Any]:
    """A job as clients see it."""
    made = job.outcome
    return {
        "id": job.id,
        "status": job.status,
        "progress": round(job.progress, 3),
        "frames_done": job.frames_done,
        "frames_total": job.frames_total or None,
        "queue_position": job.position,
        "created_at": _time(job.created),
        "ended_at": _time(job.ended) if job.ended else None,
        "timings": made.seconds if made else {},
        "faces": [{"box": face.box, "score": face.score} for face in made.faces] if made else [],
        "result": _result(made) if made else None,
        "error": {"code": job.failure.code, "detail": job.failure.detail} if job.failure else None,
    }


def _result(made: Outcome) -> dict[str, Any]:
    return {
        "url": url_for("results.get", token=made.stored.token),
        "bytes": made.stored.bytes,
        "width": made.width,
        "height": made.height,
        "frames": made.frames,
        "fps": made.fps,
        "sha256": made.stored.sha256,
        "expires_at": _time(made.stored.expires),
    }


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _wait_asked(prefer: str) -> int | None:
    """The seconds of ``Prefer: wait=N`` (RFC 7240); None where it is not asked for or makes no sense."""
    found = _WAIT.search(prefer)
    return int(found[1]) if found else None
