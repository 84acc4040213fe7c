"""The queue: takes orders and runs them.

The jobs are in a database, so that they survive a restart and many processes can share them.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from threading import Event, Lock, Thread

from sqlalchemy import Connection

from reenact.types import Picture
from server.errors import NotReady
from server.jobs.admission import Admission
from server.jobs.deletion import Deletion
from server.jobs.files import Files
from server.jobs.fleet import Fleet
from server.jobs.job import ExtraWrite, Idempotency, Job
from server.jobs.kinds import kind_of
from server.jobs.order import Order
from server.jobs.repository import JobRepository
from server.jobs.runner import Runner, Worker
from server.jobs.upkeep import Upkeep
from server.jobs.waiting import JobChanges
from server.jobs.wakeup import WorkerPool
from server.observability.metrics import Metrics

log = logging.getLogger(__name__)


class Jobs:
    """The queue. All methods may be called from any thread.

    With an ``owner``, jobs of others do not exist; None sees all.
    """

    def __init__(
        self,
        records: JobRepository,
        worker: Worker | None,
        files: Files,
        on_broken: Callable[[Exception], None],
        *,
        limit: int,
        owner_limit: int | None = None,
        broker: str | None = None,
        threads: int = 1,
        lease: float = 15.0,
        hang_seconds: float = 60.0,
        attempts: int = 3,
        at_once: int = 10_000,
        single_process: bool = True,
        fleet: Fleet,
        metrics: Metrics,
    ) -> None:
        """Make an idle queue.

        Args:
            records: the table.
            worker: runs the orders; None leaves them to other processes.
            files: of the orders.
            on_broken: is called if the worker cannot be opened, for instance because the model is damaged.
            limit: maximum number of queued jobs of a kind.
            owner_limit: unfinished jobs that one owner may have; None sets no limit.
            broker: URL of Redis or RabbitMQ; None runs the jobs in this process.
            threads: jobs at once.
            lease: seconds without a heartbeat after which an attempt counts as dead.
            hang_seconds: seconds without a sign of work after which it counts as hung.
            attempts: how often a job is started before it fails.
            at_once: jobs of one owner that may run, in all processes.
            single_process: whether no other process uses the records, so that what runs at start is dead.
            fleet: says which kinds of jobs this process takes.
            metrics: count every attempt, and read the jobs at each scrape.

        Raises:
            SetupError: the broker's URL cannot be used.
        """
        self.records, self._worker, self._files, self._on_broken = records, worker, files, on_broken
        self._admission = Admission(records, limit, owner_limit, threads)
        self._closed, self._start_lock = Event(), Lock()
        self._changes = JobChanges(self.get, self._closed)
        # Orders are added one at a time. In parallel none would be added sooner, and requests for jobs would
        # wait for the interpreter behind each of them.
        self._submit_lock = Lock()
        self._deletion = Deletion(records, files)
        self._fleet, self._metrics = fleet, metrics
        metrics.watch_jobs(records, fleet.workers, lambda: self.ready)
        notify = self._changes.notify
        times = (lease, hang_seconds, attempts, at_once)
        self._runner = Runner(records, worker, files, *times, notify, metrics, fleet.kinds)
        self._pool = WorkerPool(broker, threads, fleet.kinds, self._runner.run_next)
        self._upkeep = Upkeep(
            records, files, notify, lease, attempts, single_process, self._runner.renew, self._poll, fleet
        )
        self._ready = False
        self._opening = Thread(target=self._open, name="engine", daemon=True)

    @property
    def ready(self) -> bool:
        """Whether database and broker work, and the engine too if this process runs jobs."""
        return not self.unavailable

    @property
    def unavailable(self) -> list[str]:
        """Which of database, broker and engine do not work."""
        engine = self._ready and (self._worker is None or self._worker.ready)
        database = self._upkeep.healthy and not self.records.database.unresponsive
        parts = {"database": database, "broker": self._pool.connected, "engine": engine}
        return [name for name, there in parts.items() if not there]

    def start(self) -> None:
        """Requeue what a crash interrupted, then open the worker in its own thread and begin."""
        self._upkeep.start()
        self._pool.open()
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
        extra_write: ExtraWrite | None = None,
    ) -> Job:
        """Add the job of an order, with ``extra_write`` in one transaction. It then owns the upload folder.

        If the same owner has sent the same idempotency key before, the first job is returned and the new
        upload folder is deleted.

        Raises:
            QueueFull: as many jobs of its kind wait as may wait.
            QuotaExceeded: the owner has as many unfinished jobs as one may have.
            IdempotencyConflict: the key was used for another body.
            NotReady: the service stops.
        """
        if self._closed.is_set():
            raise NotReady("The server is stopping. Send the order again in a moment.")
        id, kind = secrets.token_hex(16), kind_of(order)

        def check_space(connection: Connection, id: str) -> None:
            self._admission.check(owner, kind, connection)

        while True:  # a second time only if the same key is sent twice at the same moment
            if idempotency and (first := self.find_repeated(owner, idempotency)):
                self._files.delete_uploads(order)
                return first
            self._files.publish_inputs(order)
            job = Job(id, order, "queued", 0.0, frames_total, owner=owner, webhook=webhook, metadata=metadata)
            with self._submit_lock:
                taken = self.records.insert(
                    job, idempotency, check_space, *([extra_write] if extra_write else [])
                )
            if taken:
                self._pool.notify(kind)
                self._changes.notify()
                return taken

    def check_admission(self, owner: str | None, key: str | None) -> None:
        """Refuse an order that ``submit`` would refuse now, before its files are read.

        An order whose idempotency key the owner has used passes: it may be a repetition.

        Raises:
            QueueFull: as many jobs of each kind wait as may wait.
            QuotaExceeded: the owner has as many unfinished jobs as one may have.
        """
        with self._submit_lock:
            if key is None or not self.records.key_was_used(owner, key):
                self._admission.check(owner)

    def find_repeated(self, owner: str | None, idempotency: Idempotency) -> Job | None:
        """The job that this key made within its 24 hours; raises IdempotencyConflict."""
        return self.records.find_repeated(owner, idempotency)

    def get(self, id: str, owner: str | None = None) -> Job:
        """The job as it is now; raises NotFound."""
        return self.records.get(id, owner)

    def latest_frame(self, id: str, owner: str | None = None) -> Picture | None:
        """The latest frame of a job that runs here, (H, W, 3) uint8 sRGB, or smaller; raises NotFound."""
        return self._runner.latest_frame(id) if self.get(id, owner).status == "running" else None

    def page(self, owner: str | None, before: int | None, limit: int) -> list[Job]:
        """Newest first: at most ``limit`` jobs, all with a ``seq`` lower than ``before``."""
        return self.records.page(owner, before, limit)

    def wait_for_change(self, id: str, since: int, seconds: float, owner: str | None = None) -> Job:
        """The job as soon as its version is not ``since``, or after so many seconds; raises NotFound."""
        return self._changes.wait_for_change(id, since, seconds, owner)

    def wait(self, id: str, seconds: float, owner: str | None = None) -> Job:
        """The job when it ends, or after so many seconds; raises NotFound."""
        return self._changes.wait_for_end(id, seconds, owner)

    def cancel(self, id: str, owner: str | None = None) -> Job:
        """Stop a job that has not ended; delete the result, faces and metadata of any; raises NotFound.

        A job that renders stops within a second, in whatever process. Its status says ``cancelled`` at once.
        """
        self._deletion.delete(self.get(id, owner))
        self._changes.notify()
        return self.get(id)

    def close(self, seconds: float) -> bool:
        """Accept no more orders, give running jobs this time to end, put the rest back in the queue.

        Returns whether all threads have stopped.
        """
        self._closed.set()
        self._changes.notify()
        all_stopped = self._runner.close(seconds)
        if self._worker:
            self._worker.close()
        with self._start_lock:
            self._pool.stop(1.0)
        self._upkeep.close()
        if self._opening.is_alive():
            self._opening.join(1.0)
        self.records.database.close()
        return all_stopped and not self._opening.is_alive()

    def _open(self) -> None:
        """Open the worker, then let the threads begin."""
        if self._worker:
            try:
                self._metrics.engine_opened(self._worker.open())
            except Exception as e:
                if not self._closed.is_set():
                    self._on_broken(e)
                return
        with self._start_lock:
            if self._closed.is_set():
                return
            if self._worker:
                self._pool.start()
            self._ready = True
        self._poll()

    def _poll(self) -> None:
        """Start queued jobs that this process takes, if it runs jobs."""
        if self._worker and self._ready:
            self._fleet.beat()
            if self.records.queued().keys() & set(self._fleet.kinds):
                self._pool.poll()
