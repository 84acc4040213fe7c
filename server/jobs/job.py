"""One order and how far it is, and the interface of whatever keeps such jobs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from sqlalchemy import Connection

from reenact.types import Picture
from server.jobs.order import Order
from server.storage import Stored

Status = Literal["queued", "running", "succeeded", "failed", "cancelled", "rejected"]
STATUSES: tuple[Status, ...] = ("queued", "running", "succeeded", "failed", "cancelled", "rejected")
Beside = Callable[[Connection, str], None]  # writes for the job of an id what goes with it
ENDED: frozenset[Status] = frozenset({"succeeded", "failed", "cancelled", "rejected"})


@dataclass(frozen=True)
class SeenFace:
    """A face of the selfie: its box as x0, y0, x1, y1 in pixels of the upright picture, score 0..1."""

    box: tuple[float, float, float, float]
    score: float


@dataclass(frozen=True)
class Outcome:
    """What a finished job leaves: the file, what is in it, the faces found and seconds by stage."""

    stored: Stored | None  # None where a template was added
    width: int  # pixels
    height: int
    frames: int
    fps: float
    faces: tuple[SeenFace, ...]  # largest first
    seconds: dict[str, float]
    sound: bool = False  # whether the file has a sound track


@dataclass(frozen=True)
class Failure:
    """Why a job failed or was rejected, as its client may read it."""

    code: str
    detail: str


@dataclass(frozen=True)
class Idempotency:
    """What makes a second sending of the same order find the first: the client's key, the body's digest."""

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
    attempts: int = 0  # how often it was begun
    version: int = 1  # grows with every change
    seq: int = 0  # grows from job to job; the cursor of ``page``

    @property
    def progress(self) -> float:
        """Share of the frames that are done, 0..1; 1 only when it succeeded."""
        if self.status == "succeeded":
            return 1.0
        return min(self.frames_done / self.frames_total, 0.99) if self.frames_total else 0.0


class Jobs(Protocol):
    """Whatever takes orders and sees that they are done. All methods may be called from any thread.

    Where ``owner`` is given, another's job is as unknown as one that never was; None sees all.
    """

    def submit(
        self,
        order: Order,
        frames_total: int,
        *,
        owner: str | None = None,
        webhook: str | None = None,
        metadata: str | None = None,
        idempotency: Idempotency | None = None,
        beside: Beside | None = None,
    ) -> Job:
        """Take an order, and its place in the storage with it, and record ``beside`` with it or neither.

        Where the same owner sent the same idempotency key before, the first job is given back and the new
        order's place is dropped.

        Raises:
            QueueFull: as many jobs wait as may wait.
            QuotaExceeded: the owner has as many unfinished jobs as one may have.
            IdempotencyConflict: the key was used for another body.
            NotReady: the service stops.
        """
        ...

    def check_room(self, owner: str | None, key: str | None) -> None:
        """Whether ``submit`` would take an order now, before its files are read.

        An order whose idempotency key the owner has used is let pass: it may find its first job.

        Raises:
            QueueFull: as many jobs wait as may wait.
            QuotaExceeded: the owner has as many unfinished jobs as one may have.
        """
        ...

    def repeated(self, owner: str | None, idempotency: Idempotency) -> Job | None:
        """The job that this key made within its 24 hours; raises IdempotencyConflict."""
        ...

    def get(self, id: str, owner: str | None = None) -> Job:
        """The job as it is now; raises NotFound."""
        ...

    def frame(self, id: str, owner: str | None = None) -> Picture | None:
        """The latest frame of a job that is done here, (H, W, 3) uint8 sRGB, or smaller; raises NotFound."""
        ...

    def page(self, owner: str | None, before: int | None, limit: int) -> list[Job]:
        """Newest first: at most ``limit`` jobs, all with a ``seq`` lower than ``before``."""
        ...

    def changed(self, id: str, since: int, seconds: float, owner: str | None = None) -> Job:
        """The job as soon as its version is not ``since``, or when the time is over; raises NotFound."""
        ...

    def wait(self, id: str, seconds: float, owner: str | None = None) -> Job:
        """The job as it is when it ends, or when the time is over; raises NotFound."""
        ...

    def cancel(self, id: str, owner: str | None = None) -> Job:
        """Stop a job that has not ended; delete the result, faces and metadata of any; raises NotFound."""
        ...

    def forget(self, before: float) -> int:
        """Drop the jobs that ended before this time and tell how many."""
        ...

    def places(self) -> set[str]:
        """The places in the storage that jobs still need, or where a selfie is kept."""
        ...

    def lapsed(self, before: float) -> set[str]:
        """The places where a selfie was kept for a job that ended before this time."""
        ...

    def counts(self) -> dict[Status, int]:
        """How many remembered jobs have each status."""
        ...

    @property
    def ready(self) -> bool:
        """Whether orders are taken and, where this process works, the engine is warm."""
        ...

    def start(self) -> None:
        """Begin to work."""
        ...

    def close(self, seconds: float) -> bool:
        """Take nothing more, give running jobs this time to end, put the rest back in the queue.

        Returns whether all threads stood still.
        """
        ...
