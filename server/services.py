"""What the routes work with, put together once for an app."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import BoundedSemaphore, Event, Thread

from flask import Flask, current_app

from reenact.engine import Engine
from server.config import Settings
from server.jobs import Jobs, MemoryJobs, Worker
from server.storage import LocalStorage, Storage

log = logging.getLogger(__name__)
EXTENSION = "reenact"
HOUR = 3600.0


@dataclass
class Services:
    """Settings, files and jobs of one app, and the thread that sweeps."""

    settings: Settings
    storage: Storage
    jobs: Jobs
    waiting: BoundedSemaphore  # requests that may wait for a job, so that others are still answered
    _stopped: Event = field(default_factory=Event)

    def start(self) -> None:
        """Prepare the folders, begin to work and to sweep; raises SetupError."""
        self.storage.prepare()
        self.sweep()
        self.jobs.start()
        Thread(target=self._sweep_on, name="sweep", daemon=True).start()

    def close(self, seconds: float = 5.0) -> bool:
        """Stop; what has not ended is cancelled. Returns whether all stood still within the time."""
        self._stopped.set()
        return self.jobs.close(seconds)

    def sweep(self) -> None:
        """Delete the results and forget the jobs whose time is over."""
        files = self.storage.sweep()
        jobs = self.jobs.forget(time.time() - self.settings.result_hours * HOUR)
        if files or jobs:
            log.info("Swept %d results and %d jobs", files, jobs)

    def _sweep_on(self) -> None:
        while not self._stopped.wait(self.settings.sweep_seconds):
            try:
                self.sweep()
            except OSError:
                log.exception("The sweep failed and will be tried again")


def init_app(
    app: Flask, settings: Settings, open_engine: Callable[[], Engine], on_broken: Callable[[Exception], None]
) -> None:
    """Put the services together; nothing runs before ``start``."""
    storage = LocalStorage(settings.data, settings.result_hours * HOUR)
    worker = Worker(settings, storage, open_engine)
    jobs = MemoryJobs(worker, settings.queue_length, on_broken)
    waiting = BoundedSemaphore(settings.http_threads // 2)
    app.extensions[EXTENSION] = Services(settings, storage, jobs, waiting)


def services_of(app: Flask) -> Services:
    """The services of an app."""
    services: Services = app.extensions[EXTENSION]
    return services


def services() -> Services:
    """The services of the present request's app."""
    return services_of(current_app)
