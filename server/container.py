"""What the routes work with, put together once for an app."""

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
from server.database.outage import is_away
from server.engine.subprocess_worker import SubprocessWorker
from server.engine.worker import engine_worker
from server.errors import StorageUnavailable
from server.jobs import Files, JobRepository, Jobs, Worker
from server.observability.metrics import Metrics
from server.screening import Blocklist, Consents
from server.settings import Settings
from server.storage import Storage, open_storage
from server.webhooks.delivery import Webhooks

log = logging.getLogger(__name__)
EXTENSION = "reenact"
HOUR = 3600.0
_ORPHAN = HOUR
_LATER = 5.0  # seconds between two looks for what could not be deleted
VERIFYING = 2  # files looked at once, in this process: NumPy lets go of the interpreter


@dataclass(frozen=True)
class Swept:
    """How many of each a sweep deleted."""

    uploads: int  # places with the files of one order
    results: int
    jobs: int


@dataclass
class Services:
    """Settings, files and jobs of one app, and the thread that sweeps."""

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
    waiting: BoundedSemaphore  # requests that may wait for a job, so that others are still answered
    verifying: BoundedSemaphore  # files that are looked at, each of which takes a core for seconds
    webhooks: Webhooks | None = None  # who calls when a job ends; workers leave that to servers
    _stopped: Event = field(default_factory=Event)
    _end_metrics: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Prepare the folders and the database, begin to work and to sweep; raises SetupError."""
        self.storage.prepare()
        self.database.prepare()
        if self.settings.metrics_port is not None:
            self._end_metrics = self.metrics.listen(self.settings.host, self.settings.metrics_port)
        try:
            self.sweep(0.0 if self.settings.alone else _ORPHAN)
        except StorageUnavailable:
            log.warning("What has expired is deleted when the storage answers")
        self.jobs.start()
        if self.webhooks:
            self.webhooks.start()
        Thread(target=self._sweep_on, name="sweep", daemon=True).start()
        Thread(target=self._delete_on, name="leftovers", daemon=True).start()

    @property
    def stopping(self) -> bool:
        """Whether the service stops, so that what listens to it should let go."""
        return self._stopped.is_set()

    def close(self, seconds: float | None = None) -> bool:
        """Stop; what has not ended within the time waits for the next start. Whether all stood still."""
        self._stopped.set()
        seconds = self.settings.stop_seconds if seconds is None else seconds
        log.info("Stopping; jobs that run get %g s to end, and then go back into the queue", seconds)
        if self.webhooks:
            self.webhooks.close()
        still = self.jobs.close(seconds)
        self._end_metrics()
        return still

    def sweep(self, orphan: float = _ORPHAN) -> Swept:
        """Delete results and forget jobs whose time is over, and uploads that a crash left behind.

        Args:
            orphan: age in seconds from which uploads without a job are deleted; an upload that is just being
                taken has no job yet.
        """
        self.storage.delete_left()
        uploads = self.storage.drop_others(self.jobs.records.places(), time.time() - orphan)
        results = self.storage.sweep()
        sweep_templates(self.settings.more_templates)
        before = time.time() - self.settings.result_hours * HOUR
        for place in self.jobs.records.lapsed(before):
            self.storage.drop(place)
        jobs = self.jobs.records.forget(before)
        self.consents.forget(time.time())
        self.database.tidy()
        if results or jobs:
            log.info("Swept %d results and %d jobs", results, jobs)
        return Swept(uploads, results, jobs)

    def _sweep_on(self) -> None:
        while not self._stopped.wait(self.settings.sweep_seconds):
            try:
                self.sweep()
            except StorageUnavailable:  # the log has it
                log.warning("The sweep will be tried again")
            except Exception:  # of the disk or the database
                log.exception("The sweep failed and will be tried again")

    def _delete_on(self) -> None:
        """Delete what could not be deleted when it was asked for, as soon as that works."""
        while not self._stopped.wait(_LATER):
            try:
                self.storage.delete_left()
            except SQLAlchemyError as e:
                if not is_away(e):
                    log.exception("What is still to be deleted will be tried again")


def init_app(
    app: Flask,
    settings: Settings,
    open_engine: Callable[[], Engine] | None,
    on_broken: Callable[[Exception], None],
) -> None:
    """Put an app's services together; nothing runs before ``start``."""
    app.extensions[EXTENSION] = build(settings, on_broken, open_engine, works=not settings.broker)


def build(
    settings: Settings,
    on_broken: Callable[[Exception], None],
    open_engine: Callable[[], Engine] | None = None,
    works: bool = True,
) -> Services:
    """Put services together; nothing runs before ``start``.

    Args:
        settings: see ``server.settings``.
        on_broken: is told when the engine cannot be opened.
        open_engine: gives the warm engine, with which threads of this process work; None gives the work to a
            process of its own, which opens the engine as the settings say.
        works: whether jobs are done at all; else that is left to other services on the same records.

    Raises:
        SetupError: the database or the broker of the settings cannot be used.
    """
    database = Database(settings.database, settings.data)
    storage = open_storage(settings.storage, settings.data, settings.result_hours * HOUR, database)
    consents, blocklist = Consents(database, settings.consent_days), Blocklist(database)
    metrics = Metrics()

    worker: Worker | None = None
    if works and open_engine:
        worker = engine_worker(settings, storage, blocklist, open_engine)
    elif works:
        worker = apart = SubprocessWorker(settings, on_broken)
        metrics.follow_engine(lambda: apart.pid)
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
        silence=settings.silence,
        attempts=settings.attempts,
        at_once=settings.jobs_per_key,
        alone=settings.alone,
        metrics=metrics,
    )
    waiting = BoundedSemaphore(settings.http_threads // 2)
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
        waiting,
        BoundedSemaphore(VERIFYING),
    )


def services_of(app: Flask) -> Services:
    """The services of an app."""
    services: Services = app.extensions[EXTENSION]
    return services


def services() -> Services:
    """The services of the present request's app."""
    return services_of(current_app)
