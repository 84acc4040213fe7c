"""Health checks for load balancers and supervisors."""

from __future__ import annotations

from apiflask import APIBlueprint

from server.api.responses import HealthOut
from server.container import services
from server.errors import LOADING, NotReady

_MESSAGES = {
    "database": "The database cannot be reached.",
    "broker": "The broker cannot be reached, so jobs start a few seconds later.",
    "engine": LOADING,
}
bp = APIBlueprint("health", __name__)


@bp.get("/healthz")
@bp.output(HealthOut)
def alive() -> dict[str, str]:
    """Whether the process answers."""
    return {"status": "alive"}


@bp.get("/readyz")
@bp.output(HealthOut)
@bp.doc(responses={503: "not_ready"})
def ready() -> dict[str, str]:
    """Whether jobs are begun: the model is loaded and has run once, and database and broker work."""
    if unavailable := services().jobs.unavailable:
        reasons = " ".join(_MESSAGES[each] for each in unavailable)
        raise NotReady(f"{reasons} Try again in a few seconds. If that does not help, see the log.")
    return {"status": "ready"}
