"""One order and how far it is, and the interface of whatever keeps such jobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from reenact.types import Face
from server.jobs.order import Order
from server.storage import Stored

Status = Literal["queued", "running", "succeeded", "failed", "cancelled"]
ENDED: frozenset[Status] = frozenset({"succeeded", "failed", "cancelled"})


@dataclass(frozen=True)
class Outcome:
    """What a finished job leaves: the file, what is in it, the faces found and seconds by stage."""

    stored: Stored
    width: int  # pixels
    height: int
    frames: int
    fps: float
    faces: tuple[Face, ...]
    seconds: dict[str, float]


@dataclass(frozen=True)
class Failure:
    """Why a job failed, as its client may read it."""

    code: str
    detail: str


@dataclass(frozen=True)
class Job:
    """A snapshot of one job. Times are seconds since 1970."""

    id: str  # unguessable
    order: Order
    status: Status
    created: float
    frames_total: int  # to be made; 0 where it is not known yet
    frames_done: int = 0
    started: float | None = None
    ended: float | None = None
    position: int | None = None  # in the queue, 1 is next; None unless queued
    outcome: Outcome | None = None  # only when succeeded, until it is deleted
    failure: Failure | None = None  # only when failed

    @property
    def progress(self) -> float:
        """Share of the frames that are done, 0..1; 1 only when it succeeded."""
        if self.status == "succeeded":
            return 1.0
        return min(self.frames_done / self.frames_total, 0.99) if self.frames_total else 0.0


class Jobs(Protocol):
    """Whatever takes orders and sees that they are done. All methods may be called from any thread."""

    def submit(self, order: Order, frames_total: int) -> Job:
        """Take an order; raises QueueFull."""
        ...

    def get(self, id: str) -> Job:
        """The job as it is now; raises NotFound."""
        ...

    def all(self) -> list[Job]:
        """All jobs that are remembered, oldest first."""
        ...

    def wait(self, id: str, seconds: float) -> Job:
        """The job as it is when it ends, or when the time is over; raises NotFound."""
        ...

    def cancel(self, id: str) -> Job:
        """Stop a job that has not ended and delete the result of one that has; raises NotFound."""
        ...

    def forget(self, before: float) -> int:
        """Drop the jobs that ended before this time and tell how many."""
        ...

    @property
    def ready(self) -> bool:
        """Whether orders are being worked on."""
        ...

    def start(self) -> None:
        """Begin to work."""
        ...

    def close(self, seconds: float) -> bool:
        """Stop taking and doing work; whether all stood still within the time."""
        ...
