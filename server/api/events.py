"""Server-Sent Events: the progress of a job, so that clients need not poll."""

from __future__ import annotations

import time
from collections.abc import Iterator

from apiflask import APIBlueprint
from flask import Response, stream_with_context
from sqlalchemy.exc import SQLAlchemyError

from server.api.auth import authenticate, owner
from server.api.requests import Answers
from server.api.serializers import job_json
from server.container import Services, services
from server.database.outage import is_unreachable
from server.errors import NotFound
from server.jobs import ENDED, Job

bp = APIBlueprint("events", __name__, url_prefix="/v1/animations")
POLL_SECONDS = 1.0  # seconds between two reads of the position in the queue
HEARTBEAT = 10.0  # seconds of silence after which a comment keeps proxies from closing the line
RETRY = 1000  # milliseconds after which a client comes back whose stream ended before its job
STREAM: Answers = {
    200: {"description": "`job` events until the job has ended.", "content": {"text/event-stream": {}}},
    401: {"description": "unauthorized"},
    404: {"description": "not_found"},
}
bp.before_request(authenticate)


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
    has_slot = use.wait_slots.acquire(blocking=False)
    stream = stream_with_context(_stream_events(use, job) if has_slot else iter((_retry(), _event(job))))
    response = Response(stream, mimetype="text/event-stream")
    if has_slot:
        response.call_on_close(use.wait_slots.release)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"  # nginx would collect the events otherwise
    return response


def _stream_events(use: Services, job: Job) -> Iterator[str]:
    """The events of a job until it ends, is deleted, or the service stops."""
    yield _retry()
    last_event, last_time = "", 0.0
    while True:
        if (event := _event(job)) != last_event:
            yield event
            last_event, last_time = event, time.monotonic()
        elif time.monotonic() - last_time > HEARTBEAT:
            yield ":\n\n"
            last_time = time.monotonic()
        if job.status in ENDED or use.stopping:
            return
        try:
            job = use.jobs.wait_for_change(job.id, job.version, POLL_SECONDS)
        except NotFound:
            return
        except SQLAlchemyError as e:
            if not is_unreachable(e):
                raise
            yield ": the database does not answer; events continue when it does\n\n"
            time.sleep(POLL_SECONDS)


def _retry() -> str:
    return f"retry: {RETRY}\n\n"


def _event(job: Job) -> str:
    return f"id: {job.version}\nevent: job\ndata: {job_json(job)}\n\n"
