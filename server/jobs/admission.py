"""Whether the queue accepts an order, and when to retry if it does not."""

from __future__ import annotations

import math
import time
from threading import Lock

from sqlalchemy import Connection

from server.errors import QueueFull, QuotaExceeded
from server.jobs.kinds import Kind
from server.jobs.repository import JobRepository

DEFAULT_JOB_SECONDS = 10.0  # seconds a job takes, before one was measured


class Admission:
    """The limits of the queue. All methods may be called from any thread."""

    def __init__(self, records: JobRepository, limit: int, owner_limit: int | None, threads: int) -> None:
        """Make one.

        Args:
            records: the table.
            limit: jobs of a kind that may wait.
            owner_limit: unfinished jobs that one owner may have; None sets no limit.
            threads: that run jobs at once.
        """
        self._records, self._limit, self._owner_limit, self._threads = records, limit, owner_limit, threads
        self._last_estimate = 0.0  # when there is room for the last refused client
        self._estimate_lock = Lock()

    def check(
        self, owner: str | None, kind: Kind | None = None, connection: Connection | None = None
    ) -> None:
        """Raise QueueFull or QuotaExceeded if a limit is reached.

        Each kind has a queue of its own. Without a ``kind``, all must be full. In the transaction
        ``connection`` that adds a job, that job is counted already.
        """
        waiting, unfinished = self._records.count_open(owner, kind, connection)
        own = 1 if connection is None else 0
        if owner and self._owner_limit and unfinished + own > self._owner_limit:
            raise QuotaExceeded(self._retry_after(in_turn=False))
        if waiting + own > self._limit:
            raise QueueFull(self._retry_after(in_turn=True))

    def _retry_after(self, in_turn: bool) -> int:
        """Seconds until the oldest running job probably ends; ``in_turn``: later for each refused client.

        Otherwise all clients would retry at the same moment, and all but one in vain. It is never longer than
        the whole queue takes.
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
