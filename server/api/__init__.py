"""Version 1 of the HTTP API.

animations.py      the jobs
events.py          their progress as it goes
frames.py          what a job renders
results.py         the files of jobs
previews.py        a photo, before it is ordered
templates.py       the gallery of motions
portraits.py       the gallery of faces
verify.py          where a file comes from
verify_schemas.py  its answers
health.py          for load balancers
metrics.py         for Prometheus
requests.py        schemas of what goes in
responses.py       schemas of what comes out
serializers.py     a job as clients see it
strict.py          once, and nothing unknown
auth.py            whose request it is
order_form.py      a checked form -> an order
submission.py      an order -> the answer with its job
openapi.py         the OpenAPI document's last touches
examples.py        its examples
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
from server.api.serializers import job_json

__all__ = ["init_app", "job_json"]


def init_app(app: APIFlask) -> None:
    """Register all routes and describe them."""
    jobs = (animations, events, frames, results)
    for module in (templates, portraits, previews, *jobs, verify, health, metrics):
        app.register_blueprint(module.bp)
    openapi.init_app(app)
