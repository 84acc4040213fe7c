"""Counts, times and logs each request when its response begins.

The route's template replaces the address, so that no ids, tokens or queries are logged.
"""

from __future__ import annotations

import logging
import re
import time

from flask import Flask, Response, g, request

from server.observability import logs
from server.observability.metrics import Metrics

log = logging.getLogger(__name__)
METHODS = {"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}
QUIET_ROUTES = {"/healthz", "/readyz", "/metrics", "/static/<path:filename>"}  # requested all the time
OTHER = "other"  # for unknown routes and methods
_JOB = re.compile(r"[0-9a-f]{32}")


def init_app(app: Flask, metrics: Metrics) -> None:
    """Log the requests of an app."""

    def begin() -> None:
        g.begun = time.perf_counter()
        id = (request.view_args or {}).get("id", "")
        logs.job.set(id if _JOB.fullmatch(id) else None)

    def end(response: Response) -> Response:
        seconds = time.perf_counter() - g.begun
        metrics.request_answered(_route(), _method(), response.status_code, seconds)
        _log_request(response.status_code, seconds)
        return response

    app.before_request(begin)
    app.after_request(end)


def _log_request(status: int, seconds: float) -> None:
    level = logging.DEBUG if _route() in QUIET_ROUTES and status < 400 else logging.INFO
    about = {"method": _method(), "route": _route(), "status": status, "seconds": round(seconds, 4)}
    log.log(level, "%s %s %d", _method(), _route(), status, extra=about)


def _route() -> str:
    return request.url_rule.rule if request.url_rule else OTHER


def _method() -> str:
    return request.method if request.method in METHODS else OTHER
