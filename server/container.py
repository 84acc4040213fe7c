"""The services that the routes use, built once for an app."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import BoundedSemaphore, Event, Thread

from flask import Flask, current_app
from sqlalchemy.exc import SQLAlchemyError

from reenact.engine import Engine
from reenact.gallery import sweep_templates
from server.access.addresses import Addresses
from server.access.keys import Keys
from server.access.rate import OrderRate
from server.database.database import Database
from server.database.outage import is_unreachable
from server.engine.subprocess_worker import SubprocessWorker
from server.engine.worker import engine_worker
from server.errors import StorageUnavailable
from server.jobs import Files, JobRepository, Jobs, Worker
from server.jobs.fleet import Fleet
from server.jobs.kinds import read_kinds
from server.observability.metrics import Metrics
from server.screening import Blocklist, Consents
from server.settings import Settings
from server.storage import Storage, open_storage
from server.webhooks.delivery import Webhooks

log = logging.getLogger(__name__)
EXTENSION = "reenact"
HOUR = 3600.0
_ORPHAN_SECONDS = HOUR
_LEFTOVER_SECONDS = 5.0  # seconds between two retries of failed deletions
MAX_VERIFICATIONS = 2  # files verified at once, in this process: NumPy releases the interpreter


@dataclass(frozen=True)
class SweepCounts:
    """The numbers of files and jobs that a sweep deleted."""

    uploads: int  # upload folders of one order each
    results: int
    jobs: int


@dataclass
class Services:
    """The services of one app, and the thread that deletes expired files."""

    settings: Settings
    storage: Storage
    database: Database
    jobs: Jobs
    keys: Keys
    addresses: Addresses
    rate: OrderRate
    metrics: Metrics
    consents: Consents
    blocklist: Blocklist
    wait_slots: BoundedSemaphore  # limits the requests that wait for a job, so that others are still answered
    verify_slots: (
        BoundedSemaphore  # limits the files that are verified at once, each of which takes a core for seconds
    )
    webhooks: Webhooks | None = None  # calls webhooks; None in workers, which leave that to servers
    _stopped: Event = field(default_factory=Event)
    _stop_metrics: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Prepare the folders and the database, and start all threads; raises SetupError."""
        self.storage.prepare()
        self.database.prepare()
        if self.settings.metrics_port is not None:
            self._stop_metrics = self.metrics.listen(self.settings.host, self.settings.metrics_port)
        try:
            self.sweep(0.0 if self.settings.single_process else _ORPHAN_SECONDS)
        except StorageUnavailable:
            log.warning("Expired files will be deleted when the storage answers")
        self.jobs.start()
        if self.webhooks:
            self.webhooks.start()
        Thread(target=self._sweep_loop, name="sweep", daemon=True).start()
        Thread(target=self._leftover_loop, name="leftovers", daemon=True).start()

    @property
    def stopping(self) -> bool:
        """Whether the service is stopping, so that event streams should end."""
        return self._stopped.is_set()

    def close(self, seconds: float | None = None) -> bool:
        """Stop; jobs that do not end in time are requeued. Returns whether all threads have stopped."""
        self._stopped.set()
        seconds = self.settings.stop_seconds if seconds is None else seconds
        log.info("Stopping: running jobs have %g s to finish, and then go back to the queue", seconds)
        if self.webhooks:
            self.webhooks.close()
        all_stopped = self.jobs.close(seconds)
        self._stop_metrics()
        return all_stopped

    def sweep(self, orphan_age: float = _ORPHAN_SECONDS) -> SweepCounts:
        """Delete expired results and jobs, and uploads that a crash left behind.

        Args:
            orphan_age: age in seconds from which uploads without a job are deleted. An upload that is being
                received has no job yet.
        """
        self.storage.delete_leftovers()
        uploads = self.storage.delete_orphans(self.jobs.records.needed_folders(), time.time() - orphan_age)
        results = self.storage.sweep()
        sweep_templates(self.settings.more_templates)
        before = time.time() - self.settings.result_hours * HOUR
        for folder in self.jobs.records.expired(before):
            self.storage.delete_folder(folder)
        jobs = self.jobs.records.purge(before)
        self.consents.purge(time.time())
        self.database.truncate_journal()
        if results or jobs:
            log.info("Deleted %d expired results and %d expired jobs", results, jobs)
        return SweepCounts(uploads, results, jobs)

    def _sweep_loop(self) -> None:
        while not self._stopped.wait(self.settings.sweep_seconds):
            try:
                self.sweep()
            except StorageUnavailable:  # the log has it
                log.warning("The deletion of expired files will be retried")
            except Exception:  # of the disk or the database
                log.exception("The deletion of expired files failed and will be retried")

    def _leftover_loop(self) -> None:
        """Retry failed deletions until they succeed."""
        while not self._stopped.wait(_LEFTOVER_SECONDS):
            try:
                self.storage.delete_leftovers()
            except SQLAlchemyError as e:
                if not is_unreachable(e):
                    log.exception("Deleting leftover files failed and will be retried")


def init_app(
    app: Flask,
    settings: Settings,
    open_engine: Callable[[], Engine] | None,
    on_broken: Callable[[Exception], None],
) -> None:
    """Build an app's services; nothing runs before ``start``."""
    app.extensions[EXTENSION] = build(settings, on_broken, open_engine, runs_jobs=not settings.broker)


def build(
    settings: Settings,
    on_broken: Callable[[Exception], None],
    open_engine: Callable[[], Engine] | None = None,
    runs_jobs: bool = True,
) -> Services:
    """Build services; nothing runs before ``start``.

    Args:
        settings: see ``server.settings``.
        on_broken: is called if the engine cannot be opened.
        open_engine: gives the warm engine, with which threads of this process work; None gives the work to a
            process of its own, which opens the engine as the settings say.
        runs_jobs: whether this process does jobs; otherwise other processes with the same database do them.

    Raises:
        SetupError: the database or the broker of the settings cannot be used.
    """
    database = Database(settings.database, settings.data)
    storage = open_storage(settings.storage, settings.data, settings.result_hours * HOUR, database)
    consents, blocklist = Consents(database, settings.consent_days), Blocklist(database)
    metrics = Metrics()

    worker: Worker | None = None
    if runs_jobs and open_engine:
        worker = engine_worker(settings, storage, blocklist, open_engine)
    elif runs_jobs:
        worker = child = SubprocessWorker(settings, on_broken)
        metrics.watch_engine(lambda: child.pid)
    jobs = Jobs(
        JobRepository(database),
        worker,
        Files(settings, storage),
        on_broken,
        limit=settings.queue_length,
        owner_limit=settings.unfinished_per_key,
        broker=settings.broker,
        threads=settings.job_threads,
        lease=settings.lease_seconds,
        hang_seconds=settings.hang_after,
        attempts=settings.attempts,
        at_once=settings.jobs_per_key,
        single_process=settings.single_process,
        fleet=Fleet(database, read_kinds(settings.kinds) if runs_jobs else (), settings.single_process),
        metrics=metrics,
    )
    wait_slots = BoundedSemaphore(settings.http_threads // 2)
    rate = OrderRate(settings.orders_per_minute, settings.broker)
    keys, addresses = Keys(database), Addresses(database)
    return Services(
        settings,
        storage,
        database,
        jobs,
        keys,
        addresses,
        rate,
        metrics,
        consents,
        blocklist,
        wait_slots,
        BoundedSemaphore(MAX_VERIFICATIONS),
    )


def services_of(app: Flask) -> Services:
    """The services of an app."""
    services: Services = app.extensions[EXTENSION]
    return services


def services() -> Services:
    """The services of the present request's app."""
    return services_of(current_app)
