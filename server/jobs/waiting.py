"""Who waits for a job to change, and is told."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Condition, Event

from server.jobs.job import ENDED, Job

LOOK = 0.25  # seconds between two looks for what another process changed
Get = Callable[[str, str | None], Job]


class Waiting:
    """A bell that is rung at every change in this process."""

    def __init__(self, get: Get, closed: Event) -> None:
        """Use ``get`` to look at a job; nobody waits any longer once it is ``closed``."""
        self._get, self._closed = get, closed
        self._bell, self._rings = Condition(), 0

    def ring(self) -> None:
        """Let all who wait look again."""
        with self._bell:
            self._rings += 1
            self._bell.notify_all()

    def changed(self, id: str, since: int, seconds: float, owner: str | None) -> Job:
        """See ``Jobs.changed``."""
        deadline = time.monotonic() + seconds
        while True:
            rings = self._rings
            job = self._get(id, owner)
            left = deadline - time.monotonic()
            if job.version != since or left <= 0 or self._closed.is_set():
                return job
            with self._bell:
                self._bell.wait_for(lambda rings=rings: self._rings != rings, min(left, LOOK))  # type: ignore[misc]

    def ended(self, id: str, seconds: float, owner: str | None) -> Job:
        """See ``Jobs.wait``."""
        deadline = time.monotonic() + seconds
        job = self._get(id, owner)
        while (
            job.status not in ENDED
            and (left := deadline - time.monotonic()) > 0
            and not self._closed.is_set()
        ):
            job = self.changed(id, job.version, left, owner)
        return job
