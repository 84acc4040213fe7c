"""A fair lock: threads get it in the order in which they asked."""

from __future__ import annotations

from collections import deque
from threading import Lock


class FairLock:
    """A fair lock for ``with``.

    ``threading.Lock`` usually goes back to the thread that has just released it. Jobs that share a GPU would
    starve; with this lock they alternate batch by batch.
    """

    def __init__(self) -> None:
        self._guard, self._busy = Lock(), False
        self._waiting: deque[Lock] = deque()

    def __enter__(self) -> None:
        """Acquire the lock."""
        with self._guard:
            if not self._busy:
                self._busy = True
                return
            ticket = Lock()
            ticket.acquire()
            self._waiting.append(ticket)
        ticket.acquire()  # released by whoever has its turn before

    def __exit__(self, *_: object) -> None:
        """Release the lock to the thread that has waited longest."""
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._busy = False
