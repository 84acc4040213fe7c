"""Taking turns: a lock that is given in the order of asking."""

from __future__ import annotations

from collections import deque
from threading import Lock


class FairLock:
    """A fair lock for ``with``.

    ``threading.Lock`` goes to whoever happens to run when it is released, mostly to the thread that just had
    it. Jobs that share a GPU would wait by luck; here each gets its next batch after one of every other.
    """

    def __init__(self) -> None:
        self._guard, self._busy = Lock(), False
        self._waiting: deque[Lock] = deque()

    def __enter__(self) -> None:
        """Wait for one's turn."""
        with self._guard:
            if not self._busy:
                self._busy = True
                return
            ticket = Lock()
            ticket.acquire()
            self._waiting.append(ticket)
        ticket.acquire()  # released by whoever has its turn before

    def __exit__(self, *_: object) -> None:
        """Give it to whoever waits longest."""
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._busy = False
