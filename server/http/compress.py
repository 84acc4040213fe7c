"""Gzip for text responses: documents and the page's files become a third as long."""

from __future__ import annotations

import gzip

from flask import Flask, Response, request

TYPES = {
    "application/json",
    "application/javascript",
    "application/manifest+json",
    "image/svg+xml",
    "text/css",
    "text/html",
    "text/javascript",
}
MIN_BYTES = 1000  # bytes; less fits in one packet anyway, and asking for a job stays cheap
_LEVEL = 6


def init_app(app: Flask) -> None:
    """Compress the responses of an app."""
    app.after_request(_compress)


def _compress(response: Response) -> Response:
    length = response.content_length
    if response.mimetype not in TYPES or response.status_code != 200 or length is None or length < MIN_BYTES:
        return response
    response.vary.add("Accept-Encoding")
    if not request.accept_encodings.quality("gzip") or "Content-Encoding" in response.headers:
        return response
    response.direct_passthrough = False
    response.set_data(gzip.compress(response.get_data(), _LEVEL, mtime=0))
    response.headers["Content-Encoding"] = "gzip"
    response.headers.pop("Accept-Ranges", None)  # of what was packed
    tag, _ = response.get_etag()
    if tag:
        response.set_etag(tag, weak=True)  # the same content, not the same bytes
    return response
