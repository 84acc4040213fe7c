"""How a worker reports progress of a job, and how the job is cancelled."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from reenact.errors import Cancelled

SAVE_SECONDS = 0.3  # seconds between two records of progress


class JobInterrupted(Cancelled):
    """The job is interrupted and goes back to the queue, through no fault of its own."""


class JobWatch(Protocol):
    """The progress of one attempt. Both methods raise Cancelled if the job must stop."""

    def __call__(self, done: int, total: int) -> None:
        """Report progress: so many frames are done. 0 may be reported repeatedly."""
        ...

    def check(self) -> None:
        """Check for cancellation, without progress."""
        ...


class Attempt:
    """A ``JobWatch`` that remembers the time of the last progress."""

    def __init__(
        self,
        save_progress: Callable[[int, int], bool],
        still_wanted: Callable[[], bool],
        stopping: Callable[[], bool],
        on_frames: Callable[[int], None],
    ) -> None:
        """Begin.

        Args:
            save_progress: records how far the job is; False where this attempt has lost its lease.
            still_wanted: whether this attempt still holds its lease.
            stopping: whether the service stops.
            on_frames: is called with the number of new frames.
        """
        self._save_progress, self._still_wanted = save_progress, still_wanted
        self._stopping, self._on_frames = stopping, on_frames
        self._due, self._done = 0.0, 0
        self._last_sign, self._saving = time.monotonic(), False

    @property
    def idle_seconds(self) -> float:
        """Seconds since the last progress; 0 while progress is being saved."""
        return 0.0 if self._saving else time.monotonic() - self._last_sign

    def __call__(self, done: int, total: int) -> None:
        """See ``JobWatch``."""
        self._saving = True
        try:
            self._report(done, total)
        finally:
            self._last_sign, self._saving = time.monotonic(), False

    def _report(self, done: int, total: int) -> None:
        self._on_frames(max(0, done - self._done))  # a gif may have fewer than were made for it
        self._done = done
        self._check_stopping()
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + SAVE_SECONDS
        if not self._save_progress(done, total):
            raise Cancelled("The job was cancelled.")

    def check(self) -> None:
        """See ``JobWatch``."""
        self._check_stopping()
        if not self._still_wanted():
            raise Cancelled("The job was cancelled.")

    def _check_stopping(self) -> None:
        if self._stopping():
            raise JobInterrupted("The service is stopping.")
