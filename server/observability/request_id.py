"""An id for every request: the client's if it sends a valid one, otherwise a random one."""

from __future__ import annotations

import re
import secrets

from flask import Flask, Response, g, has_request_context, request

HEADER = "X-Request-Id"
_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{1,64}")


def init_app(app: Flask) -> None:
    """Put the request id on every answer."""

    def add_header(response: Response) -> Response:
        response.headers[HEADER] = request_id()
        return response

    app.after_request(add_header)


def request_id() -> str:
    """The present request's id; "-" outside of one."""
    if not has_request_context():
        return "-"
    if "request_id" not in g:
        sent = request.headers.get(HEADER, "")
        g.request_id = sent if _ACCEPTED.fullmatch(sent) else secrets.token_hex(8)
    return str(g.request_id)
