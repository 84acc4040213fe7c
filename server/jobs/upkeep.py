"""Periodic maintenance of the jobs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from threading import Event, Thread

from sqlalchemy.exc import SQLAlchemyError

from server.database.outage import driver_message
from server.jobs.endings import GAVE_UP, TOO_NEW
from server.jobs.files import Files
from server.jobs.fleet import Fleet
from server.jobs.repository import JobRepository
from server.jobs.suspects import ExpiredLeases

log = logging.getLogger(__name__)
MAX_POLL_SECONDS = 3.0  # seconds that a job may wait for a free worker if its wake-up was lost


class Upkeep:
    """Renews leases, requeues jobs of dead processes, and starts jobs whose wake-up was lost."""

    def __init__(
        self,
        records: JobRepository,
        files: Files,
        on_change: Callable[[], None],
        lease: float,
        attempts: int,
        single_process: bool,
        renew: Callable[[], None],
        poll: Callable[[], None],
        fleet: Fleet,
    ) -> None:
        """Make an idle one.

        Args:
            records: the table.
            files: of the orders.
            on_change: is called after every change of a job.
            lease: seconds that a lease lasts.
            attempts: how often a job is begun before it fails.
            single_process: whether no other process uses the records, so that what runs at start is dead.
            renew: keeps the leases of this process.
            poll: begins what waits, where this process does jobs.
            fleet: the workers.
        """
        self._records, self._files, self._on_change = records, files, on_change
        self._attempts, self._single_process, self._poll = attempts, single_process, poll
        self._fleet = fleet
        self._expired, self._newer = ExpiredLeases(lease), 0
        self._failing: set[str] = set()
        self._closed = Event()
        # Two threads: to delete the files of what has died may take long, and leases do not wait for that.
        self._threads = [
            self._thread("leases", lease / 5, renew),
            self._thread("upkeep", min(lease / 5, MAX_POLL_SECONDS), self._maintain),
        ]

    @property
    def healthy(self) -> bool:
        """Whether the database answered when it was asked last."""
        return not self._failing

    def start(self) -> None:
        """Requeue what a crash interrupted, then begin."""
        if self._single_process:
            self.reclaim(everything=True)
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stop, and wait up to a second for each running action."""
        self._closed.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(1.0)
        if self.healthy:
            self._fleet.leave()

    def reclaim(self, everything: bool = False) -> int:
        """Requeue the jobs whose attempt died, or with ``everything`` all running ones; return how many."""
        leases = None if everything else self._expired.reclaimable(self._records.expired_leases())
        if leases is not None and not leases:
            return 0
        reclaimed = self._records.reclaim(leases, self._attempts, GAVE_UP)
        for claim in reclaimed:
            self._files.delete_result(claim.result)
            if claim.job.status == "failed":
                log.error("Job %s was started %d times and never finished", claim.job.id, claim.job.attempts)
                self._files.delete_uploads(claim.job.order)
            else:
                log.warning("Job %s lost its worker and is queued again", claim.job.id)
            self._on_change()
        return len(reclaimed)

    def report_newer_orders(self) -> None:
        """Log orders from a newer release; fail them if this process is the only one."""
        newer, before = self._records.count_newer_orders(), self._newer
        self._newer = newer
        if newer and self._single_process:
            for job in self._records.fail_newer_orders(TOO_NEW):
                log.error("Job %s was created by a newer version of Reenact, and failed", job.id)
                self._files.delete_uploads(job.order)
                self._on_change()
        elif newer > before:
            log.warning("%d jobs wait for workers of a newer version of Reenact", newer)

    def _maintain(self) -> None:
        self.reclaim()
        self.report_newer_orders()
        self._poll()
        self._fleet.report_unserved(self._records.queued())

    def _thread(self, name: str, seconds: float, action: Callable[[], object]) -> Thread:
        return Thread(target=partial(self._repeat, name, seconds, action), name=name, daemon=True)

    def _repeat(self, name: str, seconds: float, action: Callable[[], object]) -> None:
        """Repeat an action; log when it starts to fail and when it works again."""
        while not self._closed.wait(seconds):
            try:
                action()
            except Exception as e:
                if not self._failing:
                    _log_failure(e)
                self._failing.add(name)
            else:
                if self._failing == {name}:
                    log.warning("Maintenance of the jobs works again")
                self._failing.discard(name)


def _log_failure(error: Exception) -> None:
    if isinstance(error, SQLAlchemyError):
        log.error("The database cannot be reached and will be retried: %s", driver_message(error))
    else:
        log.error("Maintenance of the jobs failed and will be retried", exc_info=error)
