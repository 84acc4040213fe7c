"""Every error as RFC 9457 problem details: one shape, a stable code, a sentence a person can act on.

ReenactError by its code, HTTP errors by their status, validation by its field, anything else as ``internal``.
No answer holds a traceback or a path of this machine; the log has them, under the same request id.
"""

from __future__ import annotations

import logging
import os
from http import HTTPStatus
from typing import Any

from apiflask import APIFlask, HTTPError
from flask import Response, current_app, json
from werkzeug.exceptions import HTTPException

from reenact.errors import Cancelled, InputError, ReenactError
from server.request_id import request_id

log = logging.getLogger(__name__)
MIMETYPE = "application/problem+json"


class ConsentRequired(InputError):
    """The sender did not say that this face may be used."""

    code = "consent_required"


class UploadTooLarge(InputError):
    """The whole request has more bytes than the limit."""

    code = "upload_too_large"


class NotFound(InputError):
    """There is nothing under this address, or not any more."""

    code = "not_found"


class Gone(InputError):
    """It was here, and its time is over."""

    code = "gone"


class IdempotencyConflict(InputError):
    """An Idempotency-Key was used before for another order."""

    code = "idempotency_conflict"


class NotReady(ReenactError):
    """The model is still being loaded."""

    code = "not_ready"


class Unauthorized(InputError):
    """No valid access key came with the request."""

    code = "unauthorized"


class Forbidden(InputError):
    """The access key is valid, but not for this."""

    code = "forbidden"


class Refused(InputError):
    """Nothing is wrong with the order, but it may not be done; its job becomes ``rejected``."""


class FaceBlocked(Refused):
    """The picture shows someone who asked not to be used."""

    code = "face_blocked"


class Rejected(Refused):
    """The operator's check says no; the message is its reason."""

    code = "rejected"


class ModeratorUnavailable(ReenactError):
    """The operator's check cannot be asked, so nothing is rendered."""

    code = "moderator_unavailable"


class EngineDied(ReenactError):
    """The process with the engine ended in the middle of a job."""

    code = "gave_up"


class TryLater(ReenactError):
    """Too much at once; ``retry_after`` says in how many seconds it will probably do."""

    reason = ""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"{self.reason} Try again in about {retry_after} seconds.")
        self.retry_after = retry_after


class QueueFull(TryLater):
    """As many jobs wait as may wait."""

    code = "queue_full"
    reason = "Too many jobs are waiting."


class QuotaExceeded(TryLater):
    """One key has as many unfinished jobs as it may have."""

    code = "quota_exceeded"
    reason = "Your other jobs must end first."


class RateLimited(TryLater):
    """One key or address has sent as many orders within a minute as it may."""

    code = "rate_limited"
    reason = "That were many orders in a short time."


# code -> (status, what it means). The documentation page shows this table.
CODES: dict[str, tuple[int, str]] = {
    "invalid_option": (422, "A field is missing, unknown or out of range; `errors` names each."),
    "invalid_input": (422, "The input cannot be used."),
    "consent_required": (422, "The sender must confirm that this face may be used."),
    "unsupported_media": (415, "The file or the request is not of an accepted format."),
    "upload_too_large": (413, "The request has too many bytes."),
    "image_too_large": (413, "The picture has too many bytes or pixels."),
    "image_unreadable": (422, "The picture is damaged, cut off or empty."),
    "driving_unreadable": (422, "The clip is damaged, empty or without a picture."),
    "driving_too_long": (422, "The clip is too long or too large."),
    "driving_still": (422, "The clip is a single picture, so nothing would move."),
    "no_face_found": (422, "No face was found in the picture, or in too few frames of the clip."),
    "face_too_small": (422, "The face has too few pixels."),
    "face_index_out_of_range": (422, "The picture has fewer faces than that."),
    "template_not_found": (404, "No template has this id."),
    "not_found": (404, "There is nothing here, or not any more."),
    "gone": (410, "The result was here, and its time is over."),
    "request_timeout": (408, "The request's body took too long to arrive. Send it again on a better line."),
    "bad_request": (400, "The request cannot be understood."),
    "method_not_allowed": (405, "This address does not take this method; `Allow` lists those it takes."),
    "range_not_satisfiable": (416, "The file is shorter than the range asked for."),
    "unauthorized": (401, "This server wants an access key: `Authorization: Bearer rk_...`."),
    "forbidden": (403, "The key may not do this: it takes an operator key, or nobody may."),
    "rate_limited": (429, "Too many orders within a minute; `Retry-After` says when to try again."),
    "quota_exceeded": (429, "The key has too many unfinished jobs; `Retry-After` says when to try again."),
    "queue_full": (429, "Too many jobs wait; `Retry-After` says when to try again."),
    "idempotency_conflict": (422, "The Idempotency-Key was used before for another order."),
    "face_blocked": (403, "Someone in the picture asked not to be animated here."),
    "rejected": (403, "The operator's check refused this; `detail` says why."),
    "moderator_unavailable": (503, "The operator's check does not answer, so nothing is rendered."),
    "gave_up": (500, "The server broke off at each attempt at this job."),
    "cancelled": (409, "The job was cancelled."),
    "not_ready": (503, "The model is still being loaded."),
    "setup": (503, "The server cannot do this work as it is installed."),
    "weights_broken": (503, "The server's model is damaged."),
    "motion_outdated": (503, "The template was made for another model; the operator must rebuild it."),
    "provider_unavailable": (503, "The server's accelerator does not run."),
    "extra_missing": (503, "The server lacks an optional part."),
    "certificate_unusable": (503, "The server's certificate cannot sign results."),
    "output_unwritable": (500, "The result could not be written."),
    "internal": (500, "Something failed that should not; the log has it under `request_id`."),
}
_INTERNAL = "Something went wrong on the server. Try again; if it stays, tell the operator the request id."
_BY_STATUS = {
    400: "bad_request",
    404: "not_found",
    408: "request_timeout",
    405: "method_not_allowed",
    413: "upload_too_large",
    415: "unsupported_media",
    416: "range_not_satisfiable",
    422: "invalid_option",
}


def init_app(app: APIFlask) -> None:
    """Answer every error of the app with problem details."""
    app.register_error_handler(ReenactError, _reenact_error)
    app.register_error_handler(HTTPError, _validation_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)


def public_detail(error: Exception) -> tuple[str, str]:
    """Code and sentence of an error as a stranger may read them."""
    if not isinstance(error, ReenactError):
        return "internal", _INTERNAL
    code = error.code if error.code in CODES else "internal"
    if isinstance(error, InputError | TryLater | NotReady | Cancelled) and _names_no_path(str(error)):
        return code, str(error)
    return code, _INTERNAL if CODES[code][0] == HTTPStatus.INTERNAL_SERVER_ERROR else CODES[code][1]


def problem(status: int, code: str, detail: str, **more: Any) -> Response:
    """A problem details answer."""
    body = {
        "type": f"/docs#{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": request_id(),
        **more,
    }
    return Response(json.dumps(body), status, mimetype=MIMETYPE)


def _reenact_error(error: ReenactError) -> Response:
    code, detail = public_detail(error)
    status = CODES[code][0]
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR and not isinstance(error, NotReady):
        log.error("Request %s: %s: %s", request_id(), code, error)
    response = problem(status, code, detail)
    if isinstance(error, TryLater):
        response.headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, Unauthorized):
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _validation_error(error: HTTPError) -> Response:
    """APIFlask's errors; those of validation carry {location: {field: [message]}}."""
    code = _BY_STATUS.get(error.status_code, "internal")
    fields = _by_field(error.detail)
    if not fields:
        return problem(error.status_code, code, error.message or CODES[code][1])
    if set(fields) == {"consent"}:
        code = ConsentRequired.code
    sentence = " ".join(f"{name}: {' '.join(messages)}" for name, messages in fields.items())
    return problem(error.status_code, code, sentence, errors=fields)


def _by_field(detail: Any) -> dict[str, list[str]]:
    """APIFlask's validation messages without the location."""
    fields: dict[str, list[str]] = {}
    for messages in detail.values() if isinstance(detail, dict) else ():
        if isinstance(messages, dict):
            fields |= {str(name): [str(each) for each in texts] for name, texts in messages.items()}
    return fields


def _http_error(error: HTTPException) -> Response:
    status = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
    code = _BY_STATUS.get(status, "internal" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "bad_request")
    response = problem(status, code, _sentence(code))
    for name, value in error.get_headers():
        if name not in ("Content-Type", "Content-Length"):
            response.headers[name] = value
    return response


def _sentence(code: str) -> str:
    """What to say where the error itself says nothing useful."""
    if code == UploadTooLarge.code:
        limit = current_app.config["MAX_CONTENT_LENGTH"] / 1e6
        return f"The request has too many bytes; at most {limit:g} MB are accepted. Send a smaller file."
    return CODES[code][1].replace("`", "")


def _unexpected(error: Exception) -> Response:
    log.exception("Request %s failed", request_id())
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", _INTERNAL)


def _names_no_path(sentence: str) -> bool:
    """Whether no folder of this machine stands in the sentence."""
    return not any(word.strip("'\"(").startswith(os.sep) and len(word) > 1 for word in sentence.split())
