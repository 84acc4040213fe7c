"""Version 1 of the HTTP API.

animations.py      the jobs
events.py          their progress as events
frames.py          preview frames of a running job
results.py         the files of jobs
previews.py        a photo, before it is used in an order
templates.py       the gallery of motions
portraits.py       the gallery of faces
verify.py          where a file comes from
verify_schemas.py  its schemas
health.py          for load balancers
metrics.py         for Prometheus
requests.py        schemas of requests
responses.py       schemas of responses
serializers.py     a job as clients see it
strict.py          refuses unknown and repeated fields
auth.py            authentication
order_form.py      a form -> a checked order
submission.py      an order -> the response with its job
openapi.py         completes the OpenAPI document
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
