"""Wake-ups on their way to a broker, in a thread of their own.

Nobody who takes an order waits for a broker that is away or silent, and RabbitMQ has one connection of this
process, whose heartbeats are answered.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Event, Thread

import dramatiq

from server.jobs.broker import reach

log = logging.getLogger(__name__)
BEAT = 1.0  # seconds between two looks at whether the broker is there


class Calls:
    """The thread that sends."""

    def __init__(self, broker: dramatiq.Broker, send: Callable[[], object]) -> None:
        """Connect nothing yet; ``send`` sends one wake-up through the broker."""
        self._broker, self._send = broker, send
        self._waiting: SimpleQueue[None] = SimpleQueue()
        self._there, self._closed = True, Event()
        self._thread = Thread(target=self._run, name="calls", daemon=True)

    @property
    def there(self) -> bool:
        """Whether the broker answered when it was asked last."""
        return self._there

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def add(self) -> None:
        """Send a wake-up soon; none while the broker is away, since workers look for themselves then."""
        if self._there:
            self._waiting.put(None)

    def close(self, seconds: float) -> None:
        """Send nothing more, and wait so long for what is being sent."""
        self._closed.set()
        self._waiting.put(None)
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _run(self) -> None:
        while not self._closed.is_set():
            asked = self._asked()
            try:
                self._send() if asked and self._there else reach(self._broker)
            except Exception as e:  # of any broker's client
                self._lose(e)
            else:
                self._find()

    def _asked(self) -> bool:
        """Whether a wake-up is to be sent, after at most ``BEAT``."""
        try:
            self._waiting.get(timeout=BEAT)
        except Empty:
            return False
        return not self._closed.is_set()

    def _lose(self, error: Exception) -> None:
        if self._there:
            why = str(error) or type(error).__name__
            log.error("The broker cannot be reached; workers look for jobs by themselves: %s", why)
        self._there = False
        with suppress(Empty):
            while True:
                self._waiting.get_nowait()

    def _find(self) -> None:
        if not self._there:
            log.warning("The broker is there again")
        self._there = True
