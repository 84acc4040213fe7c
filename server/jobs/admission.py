"""Whether the queue has room for an order, and when to come back where it has none."""

from __future__ import annotations

import math
import time
from threading import Lock

from sqlalchemy import Connection

from server.errors import QueueFull, QuotaExceeded
from server.jobs.repository import JobRepository

FIRST_GUESS = 10.0  # seconds a job takes, before one was measured


class Room:
    """The room that the records leave. All methods may be called from any thread."""

    def __init__(self, records: JobRepository, limit: int, owner_limit: int | None, threads: int) -> None:
        """Let so many jobs wait, and so many of one owner be unfinished, of which threads do some at once."""
        self._records, self._limit, self._owner_limit, self._threads = records, limit, owner_limit, threads
        self._promised, self._promising = 0.0, Lock()  # when there is room for the last one who was refused

    def check(self, owner: str | None, taking: Connection | None = None) -> None:
        """Raise QueueFull or QuotaExceeded where as many jobs wait, in all or of one owner, as may wait.

        Within the transaction ``taking`` that adds a job, that one is counted already.
        """
        waiting, unfinished = self._records.load(owner, taking)
        least = 1 if taking is None else 0
        if owner and self._owner_limit and unfinished + least > self._owner_limit:
            raise QuotaExceeded(self._seconds_until_room(in_turn=False))
        if waiting + least > self._limit:
            raise QueueFull(self._seconds_until_room(in_turn=True))

    def _seconds_until_room(self, in_turn: bool) -> int:
        """When the oldest running job will probably end, or ``in_turn`` one after it for each who is refused.

        All would come back in the same instant otherwise, and all but one in vain. Nobody is told a longer
        time than the whole queue takes.
        """
        usual, taken = self._records.durations()
        usual, now = usual or FIRST_GUESS, time.monotonic()
        room = now + max(0.0, usual - (taken or 0.0))
        if in_turn:
            pace = usual / self._threads
            with self._promising:
                later = self._promised + pace
                room = self._promised = later if room < later < now + self._limit * pace else room
        return max(1, math.ceil(room - now))
