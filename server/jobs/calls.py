"""Sends wake-ups to the broker from a separate thread.

So a request never waits for a broker that does not answer. RabbitMQ has one connection of this process, whose
heartbeats this thread answers.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Event, Thread

import dramatiq

from server.jobs.broker import ping
from server.jobs.kinds import Kind

log = logging.getLogger(__name__)
PING_SECONDS = 1.0  # seconds between two pings of the broker


class WakeupSender:
    """The thread that sends."""

    def __init__(self, broker: dramatiq.Broker, send: Callable[[Kind], object]) -> None:
        """Connect nothing yet; ``send`` sends one wake-up to the workers of a kind through the broker."""
        self._broker, self._send = broker, send
        self._waiting: SimpleQueue[Kind | None] = SimpleQueue()
        self._connected, self._closed = True, Event()
        self._thread = Thread(target=self._run, name="calls", daemon=True)

    @property
    def connected(self) -> bool:
        """Whether the broker answered when it was asked last."""
        return self._connected

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def add(self, kind: Kind) -> None:
        """Send a wake-up for a job of this kind soon.

        None is sent while the broker is unreachable, since workers then poll the database.
        """
        if self._connected:
            self._waiting.put(kind)

    def close(self, seconds: float) -> None:
        """Send nothing more, and wait so long for what is being sent."""
        self._closed.set()
        self._waiting.put(None)
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _run(self) -> None:
        while not self._closed.is_set():
            kind = self._next_wakeup()
            try:
                self._send(kind) if kind and self._connected else ping(self._broker)
            except Exception as e:  # of any broker's client
                self._note_disconnected(e)
            else:
                self._note_connected()

    def _next_wakeup(self) -> Kind | None:
        """The kind of a wake-up that is to be sent; None if there is none within ``PING_SECONDS``."""
        try:
            kind = self._waiting.get(timeout=PING_SECONDS)
        except Empty:
            return None
        return None if self._closed.is_set() else kind

    def _note_disconnected(self, error: Exception) -> None:
        if self._connected:
            why = str(error) or type(error).__name__
            log.error("The broker cannot be reached; workers poll the database instead: %s", why)
        self._connected = False
        with suppress(Empty):
            while True:
                self._waiting.get_nowait()

    def _note_connected(self) -> None:
        if not self._connected:
            log.warning("The broker can be reached again")
        self._connected = True
