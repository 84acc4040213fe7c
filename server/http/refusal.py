"""What is answered to whoever sends no proper HTTP, in the form of all other errors.

gunicorn would send HTML, before the app sees anything of the request.
"""

from __future__ import annotations

import secrets
from http import HTTPStatus

from gunicorn.http.errors import (
    ExpectationFailed,
    InvalidHTTPVersion,
    InvalidResponseHeader,
    InvalidResponseHeaderName,
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
)

from server.codes import INTERNAL
from server.http.problems import MIMETYPE, problem
from server.observability.request_id import HEADER

_OWN = (InvalidResponseHeader, InvalidResponseHeaderName)  # the app's fault, not the client's
_SAID: dict[type[Exception], tuple[HTTPStatus, str]] = {
    LimitRequestLine: (HTTPStatus.REQUEST_URI_TOO_LONG, "The address is too long. Ask for a shorter one."),
    LimitRequestHeaders: (
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        "The headers are too many or too long. Send fewer than 100, none of more than 8000 bytes.",
    ),
    ExpectationFailed: (HTTPStatus.EXPECTATION_FAILED, "The header Expect may only say 100-continue."),
    InvalidHTTPVersion: (HTTPStatus.BAD_REQUEST, "Only HTTP/1.1 and HTTP/1.0 are spoken here."),
}
_IMPROPER = "The request is no proper HTTP. Look at its first line, and for odd or doubled headers."


def is_improper(error: Exception) -> bool:
    """Whether the client is to blame."""
    return isinstance(error, ParseException) and not isinstance(error, _OWN)


def refusal(error: Exception) -> bytes:
    """All that is sent; the connection ends with it, since nobody knows where a next request would begin."""
    status, detail, code = HTTPStatus.INTERNAL_SERVER_ERROR, INTERNAL, "internal"
    if is_improper(error):
        status, detail = _SAID.get(type(error), (HTTPStatus.BAD_REQUEST, _IMPROPER))
        code = "bad_request"
    name = secrets.token_hex(8)
    body = problem(status, code, detail, request_id=name).get_data()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nConnection: close\r\nContent-Type: {MIMETYPE}\r\n"
        f"Content-Length: {len(body)}\r\n{HEADER}: {name}\r\nX-Content-Type-Options: nosniff\r\n\r\n"
    )
    return head.encode("ascii") + body
