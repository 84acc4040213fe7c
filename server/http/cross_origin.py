"""CORS: pages of other origins that may call this server, as the operator names them."""

from __future__ import annotations

from flask import Flask, Response, current_app, request
from flask_cors import CORS

PATHS = (r"/v1/.*", r"/openapi.json")
METHODS = "DELETE GET HEAD POST".split()
REQUEST_HEADERS = (
    "Authorization Content-Type Idempotency-Key If-None-Match If-Range Prefer Range X-Request-Id".split()
)
RESPONSE_HEADERS = (
    "Content-Disposition Content-Range ETag Location Original-Width Preference-Applied Retry-After "
    "X-Request-Id"
).split()
DAY = 24 * 3600


def init_app(app: Flask, origins: list[str]) -> None:
    """Allow calls from these origins, ``*`` for all. Cookies are never allowed: keys are sent in a header."""
    app.before_request(_answer_preflight)
    if origins:
        what = {
            "origins": origins,
            "methods": METHODS,
            "allow_headers": REQUEST_HEADERS,
            "expose_headers": RESPONSE_HEADERS,
        }
        CORS(app, resources={path: {**what, "max_age": DAY} for path in PATHS})
        app.after_request(_allow_embedding)


def _answer_preflight() -> Response | None:
    """Preflight requests have no key, so they are answered before authentication."""
    return current_app.make_default_options_response() if request.method == "OPTIONS" else None


def _allow_embedding(response: Response) -> Response:
    """Allow those pages to embed pictures and films of the API."""
    if request.path.startswith("/v1/"):
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response
