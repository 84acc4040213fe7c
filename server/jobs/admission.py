"""Whether the queue has room for an order, and when to come back where it has none."""

from __future__ import annotations

import math
import time
from threading import Lock

from sqlalchemy import Connection

from server.errors import QueueFull, QuotaExceeded
from server.jobs.repository import JobRepository

DEFAULT_JOB_SECONDS = 10.0  # seconds a job takes, before one was measured


class Admission:
    """The room that the records leave. All methods may be called from any thread."""

    def __init__(self, records: JobRepository, limit: int, owner_limit: int | None, threads: int) -> None:
        """Let so many jobs wait, and so many of one owner be unfinished, of which threads do some at once."""
        self._records, self._limit, self._owner_limit, self._threads = records, limit, owner_limit, threads
        self._last_estimate, self._estimate_lock = (
            0.0,
            Lock(),
        )  # when there is room for the last one who was refused

    def check(self, owner: str | None, connection: Connection | None = None) -> None:
        """Raise QueueFull or QuotaExceeded where as many jobs wait, in all or of one owner, as may wait.

        Within the transaction ``connection`` that adds a job, that one is counted already.
        """
        waiting, unfinished = self._records.count_open(owner, connection)
        own = 1 if connection is None else 0
        if owner and self._owner_limit and unfinished + own > self._owner_limit:
            raise QuotaExceeded(self._retry_after(in_turn=False))
        if waiting + own > self._limit:
            raise QueueFull(self._retry_after(in_turn=True))

    def _retry_after(self, in_turn: bool) -> int:
        """When the oldest running job will probably end, or ``in_turn`` one after it for each who is refused.

        All would come back in the same instant otherwise, and all but one in vain. Nobody is told a longer
        time than the whole queue takes.
        """
        mean, elapsed = self._records.durations()
        mean, now = mean or DEFAULT_JOB_SECONDS, time.monotonic()
        free_at = now + max(0.0, mean - (elapsed or 0.0))
        if in_turn:
            pace = mean / self._threads
            with self._estimate_lock:
                later = self._last_estimate + pace
                free_at = self._last_estimate = (
                    later if free_at < later < now + self._limit * pace else free_at
                )
        return max(1, math.ceil(free_at - now))
