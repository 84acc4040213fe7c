"""From a form to the response with its job: idempotency, submission, waiting."""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import file_digest, sha256
from typing import Any

from flask import request, url_for
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.datastructures import FileStorage

from reenact.errors import InvalidOption, UnsupportedMedia
from server.api.auth import check_webhook, count_order, owner
from server.api.order_form import CheckedOrder
from server.api.serializers import job_fields
from server.container import services
from server.database.outage import is_unreachable
from server.errors import QueueFull, QuotaExceeded, SubmissionUncertain
from server.jobs import ENDED, Idempotency, Job
from server.observability import logs

Answer = tuple[dict[str, Any], int, dict[str, str]]
CHUNK_BYTES = 65536  # bytes of a body that are read at once
_KEY_HEADER = "Idempotency-Key"
_KEY_PATTERN = re.compile(r"[!-~]{1,255}")
_WAIT = re.compile(r"(?:^|[,;\s])wait=([0-9]{1,6})(?=$|[,;\s])")


def require_form() -> None:
    """Refuse a body of another kind before it is read."""
    if request.method == "POST" and request.mimetype != "multipart/form-data":
        raise UnsupportedMedia("Send the order as a form: Content-Type multipart/form-data.")


def require_queue_space() -> None:
    """Refuse an order before its form is parsed; raises QueueFull, QuotaExceeded.

    The body is read all the same: many clients read the response only after they have sent everything.
    """
    if request.method != "POST":
        return
    try:
        services().jobs.check_admission(owner(), request.headers.get(_KEY_HEADER))
    except (QueueFull, QuotaExceeded):
        while request.stream.read(CHUNK_BYTES):
            pass
        raise


def submit_and_respond(form: dict[str, Any], parse: Callable[[], CheckedOrder]) -> Answer:
    """Submit a form's order, and wait for its job if ``Prefer`` asks for that; ``parse`` saves its files."""
    use = services()
    job = _submit_once(form, parse, _idempotency(form))
    logs.job.set(job.id)
    headers = {"Location": url_for("animations.get", id=job.id)}
    wait = _wait_seconds(request.headers.get("Prefer", ""))
    if wait is not None and use.wait_slots.acquire(blocking=False):
        headers["Preference-Applied"] = f"wait={wait}"
        try:
            job = use.jobs.wait(job.id, min(wait, use.settings.wait_seconds), owner())
        except SQLAlchemyError as e:
            if not is_unreachable(e):
                raise  # otherwise the job exists all the same, and the client needs its id
        finally:
            use.wait_slots.release()
    return job_fields(job), 200 if job.status in ENDED else 202, headers


def _submit_once(
    form: dict[str, Any], parse: Callable[[], CheckedOrder], idempotency: Idempotency | None
) -> Job:
    """The job of a form: a new one, or the one that its Idempotency-Key made before."""
    use = services()
    if idempotency and (first := use.jobs.find_repeated(owner(), idempotency)):
        return first
    count_order()
    check_webhook(form.get("webhook"))
    checked = parse()
    try:
        return use.jobs.submit(
            checked.order,
            checked.frames,
            owner=owner(),
            webhook=form.get("webhook"),
            metadata=form.get("metadata"),
            idempotency=idempotency,
            extra_write=lambda connection, job: use.consents.add(
                connection, job, owner(), checked.face, checked.clip
            ),
        )
    except SubmissionUncertain:  # a job may need its files; the sweep deletes them where there is none
        raise
    except BaseException:
        use.storage.delete_folder(checked.order.upload_folder)
        raise


def _wait_seconds(prefer: str) -> int | None:
    """The seconds of ``Prefer: wait=N`` (RFC 7240); None where it is not asked for or makes no sense."""
    found = _WAIT.search(prefer)
    return int(found[1]) if found else None


def _idempotency(form: dict[str, Any]) -> Idempotency | None:
    """The request's Idempotency-Key with a digest of all that was sent; raises InvalidOption."""
    key = request.headers.get(_KEY_HEADER)
    if key is None:
        return None
    if not _KEY_PATTERN.fullmatch(key):
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
