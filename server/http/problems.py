"""Every error as RFC 9457 problem details: one shape, a stable code, a sentence a person can act on.

ReenactError by its code, HTTP errors by their status, validation by its field, anything else as ``internal``.
No answer holds a traceback or a path of this machine; the log has them, under the same request id.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from apiflask import APIFlask, HTTPError
from flask import Response, current_app, json, request
from werkzeug.exceptions import HTTPException

from reenact.errors import DiskFull, ReenactError
from server.codes import CODES, INTERNAL, public_detail
from server.database.outage import driver_message, is_unreachable
from server.disk import is_full
from server.errors import (
    ConsentRequired,
    DatabaseUnavailable,
    NotReady,
    TryLater,
    Unauthorized,
    UploadTooLarge,
)
from server.observability.request_id import request_id

log = logging.getLogger(__name__)
MIMETYPE = "application/problem+json"
_BY_STATUS = {
    400: "bad_request",
    404: "not_found",
    408: "request_timeout",
    405: "method_not_allowed",
    412: "precondition_failed",
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
    app.after_request(_precondition)


def problem(status: int, code: str, detail: str, **more: Any) -> Response:
    """A problem details answer."""
    body = {
        "type": f"{request.root_path}/docs#{code}",
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
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR and not isinstance(error, NotReady | DatabaseUnavailable):
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
    if set(fields) == {"consent"} and len(request.form.getlist("consent")) < 2:
        code = ConsentRequired.code
    sentence = " ".join(f"{name}: {' '.join(messages)}" for name, messages in fields.items())
    return problem(error.status_code, code, sentence, errors=fields)


def _by_field(detail: Any) -> dict[str, list[str]]:
    """APIFlask's validation messages without the location."""
    fields: dict[str, list[str]] = {}
    for messages in detail.values() if isinstance(detail, dict) else ():
        if isinstance(messages, dict):
            fields |= {str(name): _texts(found) for name, found in messages.items()}
    return fields


def _texts(found: Any) -> list[str]:
    """A field's messages; those of a list stand under the positions of its items."""
    if isinstance(found, dict):
        return [text for each in found.values() for text in _texts(each)]
    return [str(each) for each in found]


def _http_error(error: HTTPException) -> Response:
    status = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
    code = _BY_STATUS.get(status, "internal" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "bad_request")
    response = problem(status, code, _sentence(code))
    for name, value in error.get_headers():
        if name not in ("Content-Type", "Content-Length"):
            response.headers[name] = value
    return response


def _precondition(response: Response) -> Response:
    """Werkzeug sends the whole file along with its 412."""
    if response.status_code != HTTPStatus.PRECONDITION_FAILED:
        return response
    response.close()
    return problem(HTTPStatus.PRECONDITION_FAILED, "precondition_failed", CODES["precondition_failed"][1])


def _sentence(code: str) -> str:
    """What to say where the error itself says nothing useful."""
    if code == UploadTooLarge.code:
        limit = current_app.config["MAX_CONTENT_LENGTH"] / 1e6
        parts = current_app.config["MAX_FORM_PARTS"]
        return (
            f"The request has too many bytes or fields; at most {limit:g} MB and {parts} fields are "
            "accepted. Send a smaller file."
        )
    return CODES[code][1].replace("`", "")


def _unexpected(error: Exception) -> Response:
    if is_full(error):
        return _reenact_error(DiskFull(str(error)))
    if is_unreachable(error):
        log.error("Request %s: the database cannot be reached: %s", request_id(), driver_message(error))
        return _reenact_error(DatabaseUnavailable())
    log.exception("Request %s failed", request_id())
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", INTERNAL)
