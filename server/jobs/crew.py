"""Who is woken when there is work: Dramatiq, in this process or through Redis or RabbitMQ.

A message carries nothing. It says "look into the queue", and the database says whose turn it is; so a message
that is lost, late or doubled does no harm.
"""

from __future__ import annotations

from collections.abc import Callable

import dramatiq
from dramatiq.brokers.stub import StubBroker
from dramatiq.middleware import AgeLimit

from reenact.errors import SetupError

QUEUE = "reenact"
_IDLE = 100  # milliseconds between two looks of an idle thread at whether it shall stop


class Crew:
    """The broker and this process's threads that work."""

    def __init__(self, url: str | None, threads: int, work: Callable[[], object]) -> None:
        """Connect nothing yet.

        Args:
            url: of Redis or RabbitMQ; None means this process alone.
            threads: that work in this process.
            work: looks into the queue and does one job.

        Raises:
            SetupError: the URL cannot be used.
        """

        def look() -> None:
            work()

        self._broker, self._threads = open_broker(url), threads
        make = dramatiq.actor(actor_name="look", queue_name=QUEUE, broker=self._broker)
        self._actor = make(look)
        self._worker: dramatiq.Worker | None = None

    def wake(self, max_age: float | None = None) -> None:
        """Send for one thread anywhere; after ``max_age`` seconds the message is void."""
        age = None if max_age is None else max_age * 1000
        self._actor.send_with_options(max_age=age)

    def start(self) -> None:
        """Let this process's threads work."""
        self._worker = dramatiq.Worker(self._broker, worker_timeout=_IDLE, worker_threads=self._threads)
        self._worker.start()

    def stop(self, seconds: float) -> None:
        """Stop the threads, waiting so long for work they are in."""
        if self._worker:
            self._worker.stop(timeout=int(seconds * 1000))
        self._broker.close()


def open_broker(url: str | None) -> dramatiq.Broker:
    """The broker of a URL, without the retries and time limits that the records take care of."""
    scheme = url.partition("://")[0] if url else ""
    if url is None:
        return StubBroker(middleware=[AgeLimit()])
    if scheme in ("redis", "rediss", "unix"):
        from dramatiq.brokers.redis import RedisBroker

        return RedisBroker(url=url, middleware=[AgeLimit()])  # type: ignore[no-untyped-call]
    if scheme in ("amqp", "amqps"):
        from dramatiq.brokers.rabbitmq import RabbitmqBroker

        return RabbitmqBroker(url=url, middleware=[AgeLimit()])
    raise SetupError(f"REENACT_BROKER begins with {scheme!r}; it must be redis:// or amqp://.")
