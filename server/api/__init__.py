"""Version 1 of the HTTP API.

schemas.py      what goes in                told.py      what comes out
strict.py       once, and nothing unknown
access.py       whose request it is         intake.py    a checked form -> an order
animations.py   the jobs                    taking.py    an order -> the answer with its job
events.py       the jobs as they go         shown.py     a job as clients see it
frames.py       what a job renders          results.py   the files of jobs
previews.py     a photo, before it is ordered
verify.py report.py         where a file comes from
templates.py portraits.py   the gallery     health.py metrics.py   for who watches over it
openapi.py         the OpenAPI document's last touches     examples.py   its examples
"""

from apiflask import APIFlask

from server.api import (
    animations,
    events,
    frames,
    health,
    metrics,
    openapi,
    portraits,
    previews,
    results,
    templates,
    verify,
)
from server.api.serializers import rendered

__all__ = ["init_app", "rendered"]


def init_app(app: APIFlask) -> None:
    """Register all routes and describe them."""
    jobs = (animations, events, frames, results)
    for module in (templates, portraits, previews, *jobs, verify, health, metrics):
        app.register_blueprint(module.bp)
    openapi.init_app(app)
