"""Server-Sent Events: a job told as it goes, so that nobody needs to ask again and again."""

from __future__ import annotations

import time
from collections.abc import Iterator

from apiflask import APIBlueprint
from flask import Response, stream_with_context
from sqlalchemy.exc import SQLAlchemyError

from server.api.auth import identify, owner
from server.api.requests import Answers
from server.api.serializers import rendered
from server.container import Services, services
from server.database.outage import is_away
from server.errors import NotFound
from server.jobs import ENDED, Job

bp = APIBlueprint("events", __name__, url_prefix="/v1/animations")
LOOK = 1.0  # seconds after which a place in the queue is looked up again
HEARTBEAT = 10.0  # seconds of silence after which a comment keeps proxies from closing the line
RETRY = 1000  # milliseconds after which a client comes back whose stream ended before its job
STREAM: Answers = {
    200: {"description": "`job` events until the job has ended.", "content": {"text/event-stream": {}}},
    401: {"description": "unauthorized"},
    404: {"description": "not_found"},
}
bp.before_request(identify)


@bp.get("/<id>/events")
@bp.doc(responses=STREAM)
def follow(id: str) -> Response:
    """A job and how far it is, told as it goes.

    Each event is named `job`; its data is what `GET /v1/animations/{id}` answers, its id the job's version.
    The stream ends with the job. Where too many listen already, it tells the present state and ends; a
    client comes back after `retry` milliseconds, as browsers' EventSource does.
    """
    use = services()
    job = use.jobs.get(id, owner())
    patient = use.waiting.acquire(blocking=False)
    stream = stream_with_context(_tell(use, job) if patient else iter((_retry(), _event(job))))
    response = Response(stream, mimetype="text/event-stream")
    if patient:
        response.call_on_close(use.waiting.release)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"  # nginx would collect the events otherwise
    return response


def _tell(use: Services, job: Job) -> Iterator[str]:
    """The events of a job until it ends, is forgotten, or the service stops."""
    yield _retry()
    told, when = "", 0.0
    while True:
        if (event := _event(job)) != told:
            yield event
            told, when = event, time.monotonic()
        elif time.monotonic() - when > HEARTBEAT:
            yield ":\n\n"
            when = time.monotonic()
        if job.status in ENDED or use.stopping:
            return
        try:
            job = use.jobs.changed(job.id, job.version, LOOK)
        except NotFound:
            return
        except SQLAlchemyError as e:
            if not is_away(e):
                raise
            yield ": the database does not answer; this goes on when it does\n\n"
            time.sleep(LOOK)


def _retry() -> str:
    return f"retry: {RETRY}\n\n"


def _event(job: Job) -> str:
    return f"id: {job.version}\nevent: job\ndata: {rendered(job)}\n\n"
