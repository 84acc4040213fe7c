"""Who is woken when there is work: Dramatiq, in this process or through Redis or RabbitMQ.

A message carries no job. It says "look into the queue", and the database says whose turn it is; so a message
that is lost, late or doubled does no harm.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import dramatiq
from dramatiq.brokers.stub import StubBroker

from reenact.errors import ExtraMissing, SetupError

QUEUE = "reenact"
_IDLE = 100  # milliseconds between two looks of an idle thread at whether it shall stop
# scheme of the URL -> the extra, and the package it brings
_EXTRAS = {
    "redis": ("redis", "redis"),
    "rediss": ("redis", "redis"),
    "amqp": ("rabbitmq", "pika"),
    "amqps": ("rabbitmq", "pika"),
}


class Crew:
    """The broker, and this process's threads that work."""

    def __init__(self, url: str | None, threads: int, work: Callable[[], bool]) -> None:
        """Connect nothing yet.

        Args:
            url: of Redis or RabbitMQ; None means this process alone.
            threads: that work in this process.
            work: looks into the queue and does one job; False where there was none.

        Raises:
            SetupError: the URL cannot be used.
        """

        def look(rescue: float | None = None, sent: float = 0.0) -> None:
            """Work; a rescue goes on while there are jobs, and is void when it is older than ``rescue``."""
            fresh = rescue is None or time.time() - sent <= rescue
            if fresh and work() and rescue is not None:
                self.rescue(rescue)

        self._broker, self._threads = open_broker(url), threads
        self._actor = dramatiq.actor(actor_name="look", queue_name=QUEUE, broker=self._broker)(look)
        self._worker: dramatiq.Worker | None = None

    def wake(self) -> None:
        """Send for one thread anywhere, to do one job."""
        self._actor.send()

    def rescue(self, seconds: float) -> None:
        """Send for a thread that is free within these seconds, to work until the queue is empty.

        It replaces messages that were lost with the broker or with a worker that held them.
        """
        self._actor.send(seconds, time.time())

    def start(self) -> None:
        """Let this process's threads work."""
        self._worker = dramatiq.Worker(self._broker, worker_timeout=_IDLE, worker_threads=self._threads)
        self._worker.queue_prefetch = self._threads  # what waits here is not woken elsewhere
        self._worker.start()

    def reach(self) -> None:
        """Raise what the broker's client raises where the broker cannot be reached."""
        reach(self._broker)

    def stop(self, seconds: float) -> None:
        """Stop the threads, waiting so long for work they are in."""
        if self._worker:
            self._worker.stop(timeout=int(seconds * 1000))
        self._broker.close()


def reach(broker: Any) -> None:
    """Ask the broker for a sign of life; raises what its client raises where there is none."""
    if hasattr(broker, "client"):  # Redis
        broker.client.ping()
    elif hasattr(broker, "connection"):  # RabbitMQ; also answers the heartbeats of this thread's
        broker.connection.process_data_events()


def open_broker(url: str | None) -> dramatiq.Broker:
    """The broker of a URL, without the retries and time limits that the records take care of.

    Raises:
        SetupError: no broker has such a URL.
        ExtraMissing: its client is not installed.
    """
    if url is None:
        return StubBroker(middleware=[])
    scheme = url.partition("://")[0]
    extra, package = _EXTRAS.get(scheme, ("", ""))
    if not extra:
        raise SetupError(f"REENACT_BROKER begins with {scheme!r}; it must be redis:// or amqp://.")
    if find_spec(package) is None:
        raise ExtraMissing(f"REENACT_BROKER needs the extra {extra!r}: pip install 'reenact[{extra}]'.")
    if extra == "redis":
        from dramatiq.brokers.redis import RedisBroker

        return RedisBroker(url=url, middleware=[])  # type: ignore[no-untyped-call]
    from dramatiq.brokers.rabbitmq import RabbitmqBroker

    return RabbitmqBroker(url=url, middleware=[])
