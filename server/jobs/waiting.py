"""Waits for a job to change."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Condition, Event

from server.jobs.job import ENDED, Job

POLL_SECONDS = 0.25  # seconds between two polls for changes by other processes
Get = Callable[[str, str | None], Job]


class JobChanges:
    """Wakes the waiting threads at every change in this process."""

    def __init__(self, get: Get, closed: Event) -> None:
        """``get`` reads a job; ``closed`` ends all waiting."""
        self._get, self._closed = get, closed
        self._condition, self._count = Condition(), 0

    def notify(self) -> None:
        """Wake all waiting threads."""
        with self._condition:
            self._count += 1
            self._condition.notify_all()

    def wait_for_change(self, id: str, since: int, seconds: float, owner: str | None) -> Job:
        """See ``Jobs.wait_for_change``."""
        deadline = time.monotonic() + seconds
        while True:
            count = self._count
            job = self._get(id, owner)
            left = deadline - time.monotonic()
            if job.version != since or left <= 0 or self._closed.is_set():
                return job
            with self._condition:
                self._condition.wait_for(lambda count=count: self._count != count, min(left, POLL_SECONDS))  # type: ignore[misc]

    def wait_for_end(self, id: str, seconds: float, owner: str | None) -> Job:
        """See ``Jobs.wait``."""
        deadline = time.monotonic() + seconds
        job = self._get(id, owner)
        while (
            job.status not in ENDED
            and (left := deadline - time.monotonic()) > 0
            and not self._closed.is_set()
        ):
            job = self.wait_for_change(id, job.version, left, owner)
        return job
