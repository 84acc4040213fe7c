"""One order and its progress."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection

from server.jobs.order import Order
from server.storage import StoredResult

Status = Literal["queued", "running", "succeeded", "failed", "cancelled", "rejected"]
STATUSES: tuple[Status, ...] = ("queued", "running", "succeeded", "failed", "cancelled", "rejected")
ExtraWrite = Callable[[Connection, str], None]  # writes further rows for the job with this id
ENDED: frozenset[Status] = frozenset({"succeeded", "failed", "cancelled", "rejected"})


@dataclass(frozen=True)
class DetectedFace:
    """A face of the selfie: its box as x0, y0, x1, y1 in pixels of the upright picture, score 0..1."""

    box: tuple[float, float, float, float]
    score: float


@dataclass(frozen=True)
class Outcome:
    """The outcome of a job: the file and its properties, the faces found and the seconds of each stage."""

    stored: StoredResult | None  # None where a template was added
    width: int  # pixels
    height: int
    frames: int
    fps: float
    faces: tuple[DetectedFace, ...]  # largest first
    seconds: dict[str, float]
    sound: bool = False  # whether the file has a sound track


@dataclass(frozen=True)
class Failure:
    """Why a job failed or was rejected; shown to its client."""

    code: str
    detail: str


@dataclass(frozen=True)
class Idempotency:
    """The client's idempotency key and a digest of the request, to recognise an order that is sent twice."""

    key: str
    digest: str


@dataclass(frozen=True)
class Job:
    """A snapshot of one job. Times are seconds since 1970."""

    id: str  # unguessable
    order: Order
    status: Status
    created: float
    frames_total: int  # to be made; 0 where it is not known yet
    frames_done: int = 0
    started: float | None = None  # of the last attempt
    ended: float | None = None
    position: int | None = None  # in the queue, 1 is next; None unless queued
    outcome: Outcome | None = None  # only when succeeded, until it is deleted
    failure: Failure | None = None  # only when failed or rejected
    owner: str | None = None  # id of the key that sent it; None where no keys are used
    webhook: str | None = None  # address to call when it ends
    metadata: str | None = None  # the client's own, given back as sent
    attempts: int = 0  # how often it was started
    version: int = 1  # increases with every change
    seq: int = 0  # increases from job to job; the cursor of ``page``

    @property
    def progress(self) -> float:
        """Share of the frames that are done, 0..1; 1 only when it succeeded."""
        if self.status == "succeeded":
            return 1.0
        return min(self.frames_done / self.frames_total, 0.99) if self.frames_total else 0.0
