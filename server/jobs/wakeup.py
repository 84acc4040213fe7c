"""Wakes a thread when there is work, with Dramatiq: in this process, or through Redis or RabbitMQ.

A message carries no job. It says that there is work, and the database says which job is next. So late or
duplicate messages do no harm, and a lost one delays a job until a worker polls the database.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Semaphore, Thread

import dramatiq
from sqlalchemy.exc import SQLAlchemyError

from server.database.outage import driver_message
from server.jobs.broker import open_broker
from server.jobs.calls import WakeupSender

log = logging.getLogger(__name__)
QUEUE = "reenact"
_IDLE_MILLISECONDS = 100  # between two checks of an idle thread whether it must stop


class WorkerPool:
    """The broker and the worker threads of this process."""

    def __init__(self, url: str | None, threads: int, work: Callable[[], bool]) -> None:
        """Connect nothing yet.

        Args:
            url: of Redis or RabbitMQ; None means this process alone.
            threads: that work in this process.
            work: runs the next job; False if there was none.

        Raises:
            SetupError: the URL cannot be used.
        """

        def poll(*_: float) -> None:  # servers of an earlier version send numbers
            with self._free_slots:
                work()

        self._broker, self._threads, self._work = open_broker(url), threads, work
        self._free_slots = Semaphore(threads)  # jobs that may be begun, woken for or looked for
        actor = dramatiq.actor(actor_name="look", queue_name=QUEUE, broker=self._broker)(poll)
        self._sender = WakeupSender(self._broker, actor.send)
        self._worker: dramatiq.Worker | None = None

    @property
    def connected(self) -> bool:
        """Whether the broker can be reached."""
        return self._sender.connected

    def open(self) -> None:
        """Begin to send."""
        self._sender.start()

    def notify(self) -> None:
        """Wake one thread, of any process."""
        self._sender.add()

    def poll(self) -> None:
        """Let the idle threads of this process work until the queue is empty, without the broker.

        This finds jobs whose message was lost.
        """
        for _ in range(self._threads):
            if self._free_slots.acquire(blocking=False):
                Thread(target=self._drain_queue, name="look", daemon=True).start()

    def start(self) -> None:
        """Let this process's threads work."""
        self._worker = dramatiq.Worker(
            self._broker, worker_timeout=_IDLE_MILLISECONDS, worker_threads=self._threads
        )
        self._worker.queue_prefetch = self._threads  # what waits here is not woken elsewhere
        self._worker.start()

    def stop(self, seconds: float) -> None:
        """Stop the threads, waiting so long for work they are in."""
        if self._worker:
            self._worker.stop(timeout=int(seconds * 1000))
        self._sender.close(seconds)
        self._broker.close()

    def _drain_queue(self) -> None:
        try:
            while self._work():
                pass
        except SQLAlchemyError as e:  # the next look may find the database again
            log.error("The queue could not be read: %s", driver_message(e))
        except Exception:
            log.exception("The queue could not be read")
        finally:
            self._free_slots.release()
