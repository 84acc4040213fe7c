"""Runs jobs, each from its claim to its end."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection
from threading import Condition, Event
from typing import Protocol

from sqlalchemy.exc import SQLAlchemyError

from reenact.types import FrameCallback, Picture
from server.database.outage import driver_message
from server.disk import is_full
from server.jobs.endings import Endings
from server.jobs.files import Files
from server.jobs.job import Job, Outcome
from server.jobs.kinds import KINDS, Kind, kind_of
from server.jobs.leases import Claim
from server.jobs.repository import JobRepository
from server.jobs.watching import Attempt, JobWatch
from server.observability import logs
from server.observability.metrics import Metrics

log = logging.getLogger(__name__)
CANCEL_SECONDS = 5.0  # seconds that a cancelled job may take to stop


class Worker(Protocol):
    """Runs orders with an engine. All methods may be called from any thread."""

    @property
    def ready(self) -> bool:
        """Whether an order would start now."""
        ...

    def open(self) -> str:
        """Warm up the engine; return where the model runs; raises SetupError."""
        ...

    def run_job(self, job: Job, name: str, watch: JobWatch, show: FrameCallback) -> Outcome:
        """Run a job's order, if it is allowed, and publish its result under a name, or in the gallery.

        The uploads stay, for another attempt. ``watch`` gets the progress, also while no frame is done, and
        cancels the job by raising; ``show`` gets frames as they are made.

        Raises:
            Refused: the order is not allowed.
            ReenactError: the order failed, or ``watch`` cancelled it.
        """
        ...

    def close(self) -> None:
        """Stop."""
        ...


class Runner:
    """Runs jobs in the threads that call ``run_next``."""

    def __init__(
        self,
        records: JobRepository,
        worker: Worker | None,
        files: Files,
        lease: float,
        hang_seconds: float,
        attempts: int,
        at_once: int,
        on_change: Callable[[], None],
        metrics: Metrics,
        kinds: Collection[Kind] = KINDS,
    ) -> None:
        """Make an idle runner.

        Args:
            records: where jobs are claimed and ended.
            worker: runs the orders; None if other processes do.
            files: of the orders.
            lease: seconds without a heartbeat after which an attempt counts as dead.
            hang_seconds: seconds without a sign of work after which it counts as hung.
            attempts: how often a job is started before it fails.
            at_once: jobs of one owner that may run, in all processes.
            on_change: is called after every change of a job.
            metrics: count every attempt.
            kinds: of the jobs that are claimed.
        """
        self._records, self._worker, self._files = records, worker, files
        self._on_change, self._metrics = on_change, metrics
        self._lease, self._hang_seconds, self._at_once = lease, hang_seconds, at_once
        self._kinds = kinds
        self._endings = Endings(records, files, lease, attempts, metrics)
        self._busy = 0  # threads inside ``run_next``
        self._paused_until = 0.0  # until when no job is started, on the monotonic clock
        self._running: dict[str, Claim] = {}
        self._watches: dict[str, Attempt] = {}  # by lease, of what runs
        self._latest_frames: dict[str, Picture] = {}  # by job, the latest; gone with the attempt
        self._idle = Condition()
        self._closed, self._stop = Event(), Event()

    def run_next(self) -> Kind | None:
        """Run the next job, return its kind; None if there is none, the disk is full or the service stops."""
        with self._idle:
            if self._closed.is_set() or time.monotonic() < self._paused_until:
                return None
            self._busy += 1  # before it has a job, so that nobody closes between the two
        try:
            claim = self._records.claim(self._lease, self._at_once, self._kinds)
            if claim is None:
                return None
            self._run_attempt(claim)
            return kind_of(claim.job.order)
        finally:
            with self._idle:
                self._busy -= 1
                self._idle.notify_all()

    def _run_attempt(self, claim: Claim) -> None:
        """Run a job, and report its start and its end."""
        with self._idle:
            self._running[claim.lease] = claim
            self._watches[claim.lease] = self._watch(claim.lease)
        self._metrics.attempt_started(claim.job)
        self._on_change()
        about = logs.job.set(claim.job.id)
        try:
            self._run(claim)
        finally:
            logs.job.reset(about)
            self._latest_frames.pop(claim.job.id, None)
            with self._idle:
                del self._running[claim.lease], self._watches[claim.lease]
            self._on_change()

    def latest_frame(self, id: str) -> Picture | None:
        """The latest frame of a job that runs here."""
        return self._latest_frames.get(id)

    def renew(self) -> None:
        """Renew the leases of the jobs that run here, except those that hang."""
        with self._idle:
            leases = [
                lease for lease, watch in self._watches.items() if watch.idle_seconds < self._hang_seconds
            ]
        if leases:
            self._records.renew(leases, self._lease)

    def close(self, seconds: float) -> bool:
        """Start no more jobs, wait so long for running ones, requeue the rest; whether all have stopped."""
        with self._idle:
            self._closed.set()
        all_stopped = self._wait(seconds)
        self._stop.set()  # what still runs now stops at its next frame
        self._records.stop_waiting()
        all_stopped = all_stopped or self._wait(CANCEL_SECONDS)
        with self._idle:
            left = list(self._running)
        try:
            for lease in left:
                self._records.release(lease, counted=False)
        except SQLAlchemyError as e:  # others begin them again when the leases have run out
            log.error("Running jobs could not be put back into the queue: %s", driver_message(e))
        return all_stopped

    def _wait(self, seconds: float) -> bool:
        with self._idle:
            return self._idle.wait_for(lambda: not self._busy, seconds)

    def _run(self, claim: Claim) -> None:
        assert self._worker
        try:
            outcome = self._worker.run_job(
                claim.job, claim.result, self._watches[claim.lease], self._show(claim.job.id)
            )
        except Exception as e:
            self._failed(claim, e)
            return
        try:
            self._endings.succeed(claim, outcome)
        except SQLAlchemyError as e:
            if not is_full(e):  # it is unknown then whether it was recorded, so the result must stay
                raise
            self._failed(claim, e)

    def _failed(self, claim: Claim, error: Exception) -> None:
        """End a failed attempt, and pause if another process may do better."""
        pause = self._endings.fail(claim, error)
        self._paused_until = max(self._paused_until, time.monotonic() + pause)

    def _watch(self, lease: str) -> Attempt:
        """The progress callback of an attempt."""

        def save_progress(done: int, total: int) -> bool:
            held = self._progress(lease, done, total)
            self._on_change()
            return held

        return Attempt(
            save_progress, lambda: self._is_wanted(lease), self._stop.is_set, self._metrics.frames_made
        )

    def _is_wanted(self, lease: str) -> bool:
        try:
            return self._records.lease_is_held_now(lease)
        except SQLAlchemyError:  # the next check may reach the database again, and the log has the outage
            return True

    def _show(self, id: str) -> Callable[[Picture], None]:
        return lambda frame: self._latest_frames.update({id: frame})

    def _progress(self, lease: str, done: int, total: int) -> bool:
        try:
            return self._records.progress(lease, done, total, self._lease)
        except (
            SQLAlchemyError
        ) as e:  # the next report may reach the database again; the lease limits for how long
            log.warning("The progress of a job could not be recorded: %s", driver_message(e))
            return True
