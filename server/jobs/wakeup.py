"""Wakes a thread when there is work, with Dramatiq: in this process, or through Redis or RabbitMQ.

A message carries no job. It says that there is work of a kind, and the database says which job is next. So
late or duplicate messages do no harm, and a lost one delays a job until a worker polls the database. Each
kind has a queue of its own, to which only processes that take that kind listen.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from threading import Semaphore, Thread

import dramatiq
from sqlalchemy.exc import SQLAlchemyError

from server.database.outage import driver_message
from server.jobs.broker import open_broker
from server.jobs.calls import WakeupSender
from server.jobs.kinds import DEFAULT, KINDS, Kind

log = logging.getLogger(__name__)
QUEUE = "reenact"  # of the default kind; other kinds add their name
_IDLE_MILLISECONDS = 100  # between two checks of an idle thread whether it must stop


class WorkerPool:
    """The broker and the worker threads of this process."""

    def __init__(
        self, url: str | None, threads: int, kinds: Collection[Kind], work: Callable[[], Kind | None]
    ) -> None:
        """Connect nothing yet.

        Args:
            url: of Redis or RabbitMQ; None means this process alone.
            threads: that work in this process.
            kinds: that they take.
            work: runs the next job of these kinds and returns its kind; None if there was none.

        Raises:
            SetupError: the URL cannot be used.
        """
        self._broker, self._threads, self._work = open_broker(url), threads, work
        self._free_slots = Semaphore(threads)  # jobs that may be begun, woken for or looked for
        self._kinds = kinds
        actors = {kind: self._declare(kind) for kind in {*KINDS, *kinds}}
        self._sender = WakeupSender(self._broker, lambda kind: actors[kind].send())
        self._worker: dramatiq.Worker | None = None

    @property
    def connected(self) -> bool:
        """Whether the broker can be reached."""
        return self._sender.connected

    def open(self) -> None:
        """Begin to send."""
        self._sender.start()

    def notify(self, kind: Kind) -> None:
        """Wake one thread, of any process that takes this kind."""
        self._sender.add(kind)

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
            self._broker,
            queues={queue_name(kind) for kind in self._kinds},
            worker_timeout=_IDLE_MILLISECONDS,
            worker_threads=self._threads,
        )
        self._worker.queue_prefetch = self._threads  # what waits here is not woken elsewhere
        self._worker.start()

    def stop(self, seconds: float) -> None:
        """Stop the threads, waiting so long for work they are in."""
        if self._worker:
            self._worker.stop(timeout=int(seconds * 1000))
        self._sender.close(seconds)
        self._broker.close()

    def _declare(self, kind: Kind) -> dramatiq.Actor[..., None]:
        """What the messages of a kind call."""

        def look(*_: float) -> None:  # servers of an earlier version send numbers
            with self._free_slots:
                done = self._work()
            if done not in (None, kind):  # the job that this message was sent for still waits
                self.notify(kind)

        name = "look" if kind == DEFAULT else f"look.{kind}"
        return dramatiq.actor(actor_name=name, queue_name=queue_name(kind), broker=self._broker)(look)

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


def queue_name(kind: Kind) -> str:
    """The broker's queue of a kind. The default kind has that of the releases that knew no kinds."""
    return QUEUE if kind == DEFAULT else f"{QUEUE}.{kind}"
