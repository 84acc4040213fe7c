"""For Prometheus."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response
from prometheus_client import CONTENT_TYPE_LATEST

from server.api.auth import authenticate
from server.api.requests import Answers
from server.container import services
from server.errors import NotFound

bp = APIBlueprint("metrics", __name__)
TEXT: Answers = {
    200: {"description": "Prometheus' text format.", "content": {"text/plain": {}}},
    401: {"description": "unauthorized"},
    404: {"description": "not_found"},
}
bp.before_request(authenticate)


@bp.get("/metrics")
@bp.doc(responses=TEXT)
def read() -> Response:
    """What the service has done, for Prometheus.

    Asks for a key wherever orders do. Where the operator has given metrics a port of their own, they are not
    here.
    """
    use = services()
    if use.settings.metrics_port is not None:
        raise NotFound("This server has a separate port for metrics.")
    return Response(use.metrics.text(), content_type=CONTENT_TYPE_LATEST)
