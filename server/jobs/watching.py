"""How a worker tells of its work on a job, and is told to stop."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from reenact.errors import Cancelled

LOOK = 0.3  # seconds between two notes of how far a running job is


class Stopping(Cancelled):
    """The job is broken off and goes back to the queue, for no fault of its own."""


class JobWatch(Protocol):
    """Of one attempt. Both methods raise Cancelled where nobody wants the work any more."""

    def __call__(self, done: int, total: int) -> None:
        """A sign of work: so many frames are done. 0 may be said again and again."""
        ...

    def check(self) -> None:
        """No sign of work, only the question whether it is still wanted."""
        ...


class Attempt:
    """A ``JobWatch`` that keeps the time of the last sign of work."""

    def __init__(
        self,
        note: Callable[[int, int], bool],
        wanted: Callable[[], bool],
        stopping: Callable[[], bool],
        made: Callable[[int], None],
    ) -> None:
        """Begin.

        Args:
            note: records how far it is; False where the job is not this attempt's any more.
            wanted: whether it still is.
            stopping: whether the service stops.
            made: is told how many more frames there are.
        """
        self._note, self._wanted, self._stopping, self._made = note, wanted, stopping, made
        self._due, self._done = 0.0, 0
        self._heard, self._noting = time.monotonic(), False

    @property
    def silence(self) -> float:
        """Seconds since the last sign of work; who waits for the database to note one is not silent."""
        return 0.0 if self._noting else time.monotonic() - self._heard

    def __call__(self, done: int, total: int) -> None:
        """See ``JobWatch``."""
        self._noting = True
        try:
            self._sign(done, total)
        finally:
            self._heard, self._noting = time.monotonic(), False

    def _sign(self, done: int, total: int) -> None:
        self._made(max(0, done - self._done))  # a gif may have fewer than were made for it
        self._done = done
        self._check_stopping()
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + LOOK
        if not self._note(done, total):
            raise Cancelled("The job was cancelled.")

    def check(self) -> None:
        """See ``JobWatch``."""
        self._check_stopping()
        if not self._wanted():
            raise Cancelled("The job was cancelled.")

    def _check_stopping(self) -> None:
        if self._stopping():
            raise Stopping("The service stops.")
