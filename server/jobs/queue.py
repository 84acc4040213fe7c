"""What takes orders and sees that they are done.

The records lie in a database: no restart forgets them, and many processes can share them.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable
from threading import Condition, Event, Lock, Thread

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from reenact.types import Picture
from server.disk import is_full
from server.errors import NotReady
from server.jobs.crew import Crew
from server.jobs.files import Files
from server.jobs.job import ENDED, Beside, Idempotency, Job, Status
from server.jobs.order import Order
from server.jobs.records import Records
from server.jobs.room import Room
from server.jobs.runner import Runner, Worker
from server.metrics import Metrics

log = logging.getLogger(__name__)
LOOK = 0.25  # seconds between two looks for what another process changed


class Jobs:
    """The queue. All methods may be called from any thread.

    Where ``owner`` is given, another's job is as unknown as one that never was; None sees all.
    """

    def __init__(
        self,
        records: Records,
        worker: Worker | None,
        files: Files,
        on_broken: Callable[[Exception], None],
        *,
        limit: int,
        owner_limit: int | None = None,
        broker: str | None = None,
        threads: int = 1,
        lease: float = 15.0,
        attempts: int = 3,
        at_once: int = 10_000,
        alone: bool = True,
        metrics: Metrics,
    ) -> None:
        """Make an idle queue.

        Args:
            records: the table.
            worker: does the orders; None leaves them to others.
            files: of the orders.
            on_broken: is told when the worker cannot be opened, for instance because the model is damaged.
            limit: jobs that may wait.
            owner_limit: unfinished jobs that one owner may have; None sets no limit.
            broker: URL of Redis or RabbitMQ; None means that this process does the jobs by itself.
            threads: jobs at once.
            lease: seconds without a sign of life after which an attempt counts as dead.
            attempts: how often a job is begun before it fails.
            at_once: jobs of one owner that may run, in all processes.
            alone: whether no other process uses the records, so that what runs at start is dead.
            metrics: are told of every attempt and look into the records when somebody reads them.

        Raises:
            SetupError: the broker's URL cannot be used.
        """
        self._records, self._worker, self._files, self._on_broken = records, worker, files, on_broken
        self._room = Room(records, limit, owner_limit, threads)
        self._threads, self._lease, self._alone = threads, lease, alone
        self._bell, self._rings = Condition(), 0
        # Orders that come at once are taken one after the other. Side by side none would be taken sooner, and
        # a look at a job would wait for its turn with the interpreter behind each of them.
        self._desk = Lock()
        self._metrics = metrics
        metrics.follow(records, lambda: self.ready)
        self._runner = Runner(records, worker, files, lease, attempts, at_once, self._ring, metrics)
        self._crew = Crew(broker, threads, self._runner.do_next)
        self._ready, self._reached = False, True
        self._closed, self._starting = Event(), Lock()
        self._opening = Thread(target=self._open, name="engine", daemon=True)
        self._keeping = Thread(target=self._keep, name="leases", daemon=True)

    @property
    def ready(self) -> bool:
        """Whether the worker is open, where this process works, and database and broker are there."""
        return self._ready and self._reached and (self._worker is None or self._worker.ready)

    def start(self) -> None:
        """Put back what a crash broke off, then open the worker in its own thread and begin."""
        if self._alone:
            self._runner.reap(everything=True)
        self._keeping.start()
        self._opening.start()

    def submit(
        self,
        order: Order,
        frames_total: int,
        *,
        owner: str | None = None,
        webhook: str | None = None,
        metadata: str | None = None,
        idempotency: Idempotency | None = None,
        beside: Beside | None = None,
    ) -> Job:
        """Take an order, and its place in the storage with it, and record ``beside`` with it or neither.

        Where the same owner sent the same idempotency key before, the first job is given back and the new
        order's place is dropped.

        Raises:
            QueueFull: as many jobs wait as may wait.
            QuotaExceeded: the owner has as many unfinished jobs as one may have.
            IdempotencyConflict: the key was used for another body.
            NotReady: the service stops.
        """
        if self._closed.is_set():
            raise NotReady("The server is stopping. Send the order again in a moment.")
        id = secrets.token_hex(16)

        def room(connection: Connection, id: str) -> None:
            self._room.check(owner, connection)

        while True:  # a second time only where the same key is sent twice at once
            if idempotency and (first := self.repeated(owner, idempotency)):
                self._files.drop(order)
                return first
            self._files.share(order)
            job = Job(id, order, "queued", 0.0, frames_total, owner=owner, webhook=webhook, metadata=metadata)
            with self._desk:
                taken = self._records.insert(job, idempotency, room, *([beside] if beside else []))
            if taken:
                self._send()
                self._ring()
                return taken

    def check_room(self, owner: str | None, key: str | None) -> None:
        """Refuse an order that ``submit`` would not take now, before its files are read.

        An order whose idempotency key the owner has used is let pass: it may find its first job.

        Raises:
            QueueFull: as many jobs wait as may wait.
            QuotaExceeded: the owner has as many unfinished jobs as one may have.
        """
        with self._desk:
            if key is None or not self._records.used(owner, key):
                self._room.check(owner)

    def repeated(self, owner: str | None, idempotency: Idempotency) -> Job | None:
        """The job that this key made within its 24 hours; raises IdempotencyConflict."""
        return self._records.repeated(owner, idempotency)

    def get(self, id: str, owner: str | None = None) -> Job:
        """The job as it is now; raises NotFound."""
        return self._records.get(id, owner)

    def frame(self, id: str, owner: str | None = None) -> Picture | None:
        """The latest frame of a job that is done here, (H, W, 3) uint8 sRGB, or smaller; raises NotFound."""
        return self._runner.frame(id) if self.get(id, owner).status == "running" else None

    def page(self, owner: str | None, before: int | None, limit: int) -> list[Job]:
        """Newest first: at most ``limit`` jobs, all with a ``seq`` lower than ``before``."""
        return self._records.page(owner, before, limit)

    def changed(self, id: str, since: int, seconds: float, owner: str | None = None) -> Job:
        """The job as soon as its version is not ``since``, or when the time is over; raises NotFound."""
        deadline = time.monotonic() + seconds
        while True:
            rings = self._rings
            job = self.get(id, owner)
            left = deadline - time.monotonic()
            if job.version != since or left <= 0 or self._closed.is_set():
                return job
            with self._bell:
                self._bell.wait_for(lambda rings=rings: self._rings != rings, min(left, LOOK))  # type: ignore[misc]

    def wait(self, id: str, seconds: float, owner: str | None = None) -> Job:
        """The job when it ends, or when the time is over; raises NotFound."""
        deadline = time.monotonic() + seconds
        job = self.get(id, owner)
        while (
            job.status not in ENDED
            and (left := deadline - time.monotonic()) > 0
            and not self._closed.is_set()
        ):
            job = self.changed(id, job.version, left, owner)
        return job

    def cancel(self, id: str, owner: str | None = None) -> Job:
        """Stop a job that has not ended; delete the result, faces and metadata of any; raises NotFound.

        A job that renders stops within a second, in whatever process. Its status says ``cancelled`` at once.
        """
        try:
            before = self._records.cancel(id, owner)
        except SQLAlchemyError as e:
            if not is_full(e):
                raise
            self._make_room(self.get(id, owner))
            before = self._records.cancel(id, owner)
        self._delete_result(before)
        self._files.drop(before.order)
        self._ring()
        return self.get(id)

    def _make_room(self, job: Job) -> None:
        """Delete a job's files before that is recorded, which takes room.

        Its place stays: where even that makes no room, a job that waits and had no uploads is still done.
        """
        self._delete_result(job)
        self._files.empty(job.order)
        self._records.database.tidy()

    def _delete_result(self, job: Job) -> None:
        if job.outcome and job.outcome.stored:
            self._files.delete(job.outcome.stored.token)

    def forget(self, before: float) -> int:
        """Drop the jobs that ended before this time and tell how many."""
        return self._records.forget(before)

    def places(self) -> set[str]:
        """The places in the storage that jobs still need, or where a selfie is kept."""
        return self._records.places()

    def lapsed(self, before: float) -> set[str]:
        """The places where a selfie was kept for a job that ended before this time."""
        return self._records.lapsed(before)

    def counts(self) -> dict[Status, int]:
        """How many remembered jobs have each status."""
        return self._records.counts()

    def close(self, seconds: float) -> bool:
        """Take nothing more, give running jobs this time to end, put the rest back in the queue.

        Returns whether all threads stood still.
        """
        self._closed.set()
        self._ring()
        still = self._runner.close(seconds)
        if self._worker:
            self._worker.close()
        with self._starting:
            self._crew.stop(1.0)
        for thread in (self._keeping, self._opening):
            if thread.is_alive():
                thread.join(1.0)
        self._records.database.close()
        return still and not self._opening.is_alive()

    def _open(self) -> None:
        """Open the worker, then let the threads begin."""
        if self._worker:
            try:
                self._metrics.opened(self._worker.open())
            except Exception as e:
                if not self._closed.is_set():
                    self._on_broken(e)
                return
        with self._starting:
            if self._closed.is_set():
                return
            if self._worker:
                self._crew.start()
            self._ready = True
        for _ in range(self._threads if self._worker else 0):
            self._crew.rescue(self._lease)

    def _keep(self) -> None:
        """Show that this process lives, put back what died, wake whoever a lost message left asleep."""
        pause = self._lease / 5
        while not self._closed.wait(pause):
            try:
                self._runner.renew()
                self._runner.reap()
                self._runner.tell_newer(self._alone)
                self._crew.reach()
                if self.counts()["queued"]:
                    self._crew.rescue(pause)
                self._reached = True
            except Exception as e:  # of the database or of any broker's client
                self._reached = False
                log.error("The database or the broker cannot be reached and will be tried again: %s", e)

    def _send(self) -> None:
        """Wake a worker; where the broker is away the job is recorded all the same, and rescued later."""
        try:
            self._crew.wake()
        except Exception as e:
            log.error("The broker cannot be reached: %s", e)

    def _ring(self) -> None:
        with self._bell:
            self._rings += 1
            self._bell.notify_all()
