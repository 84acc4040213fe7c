"""A job as clients see it."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

from flask import current_app, url_for

from server.api.responses import JobOut
from server.container import HOUR, services
from server.jobs import Job, Order, Outcome
from server.storage import StoredResult


def job_json(job: Job) -> str:
    """A job as JSON, where no route's schema turns it into that."""
    return current_app.json.dumps(JobOut().dump(job_fields(job)))


def job_fields(job: Job) -> dict[str, Any]:
    """A job as clients see it."""
    made = job.outcome
    return {
        "id": job.id,
        "status": job.status,
        "effect": None if job.order.card else job.order.effect,
        "progress": round(job.progress, 3),
        "frames_done": job.frames_done,
        "frames_total": job.frames_total or None,
        "queue_position": job.position,
        "created_at": _time(job.created),
        "ended_at": _time(job.ended) if job.ended else None,
        "timings": made.seconds if made else {},
        "faces": [{"box": face.box, "score": face.score} for face in made.faces] if made else [],
        "result": _result(made, made.stored) if made and made.stored else None,
        "selfie_expires_at": _time(selfie_expires_at(job)) if made and job.order.keep_selfie else None,
        "template": _added(job.order) if made and job.order.card else None,
        "metadata": job.metadata,
        "error": {"code": job.failure.code, "detail": job.failure.detail} if job.failure else None,
    }


def selfie_expires_at(job: Job) -> float:
    """When a selfie that a job keeps is deleted, in seconds since 1970; infinity until the job has ended."""
    return job.ended + services().settings.result_hours * HOUR if job.ended else math.inf


def _result(made: Outcome, file: StoredResult) -> dict[str, Any]:
    return {
        "url": url_for("results.get", signed=services().addresses.sign(file.token, file.expires)),
        "bytes": file.bytes,
        "width": made.width,
        "height": made.height,
        "frames": made.frames,
        "fps": made.fps,
        "has_audio": made.sound,
        "sha256": file.sha256,
        "expires_at": _time(file.expires),
    }


def _added(order: Order) -> dict[str, Any]:
    return {"id": order.template, "url": url_for("templates.get", id=order.template)}


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
