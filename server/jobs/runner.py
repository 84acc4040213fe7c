"""One job from its claim to its end, however it ends."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from threading import Condition, Event
from typing import Protocol

from sqlalchemy.exc import SQLAlchemyError

from reenact.errors import Cancelled, InputError
from reenact.types import Picture, Show, Watch
from server import logs
from server.disk import is_full
from server.errors import EngineDied, Refused, public_detail
from server.jobs.files import Files
from server.jobs.job import Failure, Job, Outcome, Status
from server.jobs.leases import Claim
from server.jobs.records import Records
from server.jobs.suspects import Suspects
from server.metrics import Metrics

log = logging.getLogger(__name__)
LOOK = 0.3  # seconds between two looks at whether a running job is still wanted
BREAK_OFF = 5.0  # seconds that a job which is told to stop may take to do so
CANCELLED, REQUEUED = "cancelled", "requeued"  # ends of an attempt, for the metrics
GAVE_UP = Failure(
    EngineDied.code, "The server broke off at each attempt at this job. Try another picture or clip."
)
TOO_NEW = Failure(
    "order_too_new", "This was ordered from a newer version of the service than runs now. Order it again."
)


class Stopping(Cancelled):
    """The service stops; the job goes back to the queue."""


class Worker(Protocol):
    """Whoever does orders. All methods may be called from any thread."""

    @property
    def ready(self) -> bool:
        """Whether an order would be begun now."""
        ...

    def open(self) -> str:
        """Make the engine warm, and tell where the model runs; raises SetupError."""
        ...

    def do(self, job: Job, name: str, watch: Watch, show: Show) -> Outcome:
        """Do a job's order, if it may be done, and publish its result under a name, or in the gallery.

        Its uploads stay, for another attempt. ``watch`` is told how far it is, and ends the work by raising;
        ``show`` is handed frames as they are made.

        Raises:
            Refused: the order may not be done.
            ReenactError: the order cannot be done, or ``watch`` stopped it.
        """
        ...

    def close(self) -> None:
        """Do nothing more."""
        ...


class Runner:
    """Does jobs in the threads that call ``do_next``."""

    def __init__(
        self,
        records: Records,
        worker: Worker | None,
        files: Files,
        lease: float,
        attempts: int,
        at_once: int,
        changed: Callable[[], None],
        metrics: Metrics,
    ) -> None:
        """Make an idle runner.

        Args:
            records: where jobs are claimed and ended.
            worker: does the orders; None where others do.
            files: of the orders.
            lease: seconds after which an attempt that gives no sign of life counts as dead.
            attempts: how often a job is begun before it fails.
            at_once: jobs of one owner that may run, in all processes.
            changed: is called after every change of a job.
            metrics: are told of every attempt.
        """
        self._records, self._worker, self._files = records, worker, files
        self._changed, self._metrics = changed, metrics
        self._lease, self._attempts, self._at_once = lease, attempts, at_once
        self._suspects, self._newer = Suspects(lease), 0
        self._busy = 0  # threads inside ``do_next``
        self._rest = 0.0  # until when nothing is begun, on the clock that only goes forward
        self._running: dict[str, Claim] = {}
        self._frames: dict[str, Picture] = {}  # by job, the latest; gone with the attempt
        self._idle = Condition()
        self._closed, self._stop = Event(), Event()

    def do_next(self) -> bool:
        """Do the job whose turn it is; False where none waits, the disk was full or the service stops."""
        with self._idle:
            if self._closed.is_set() or time.monotonic() < self._rest:
                return False
            self._busy += 1  # before it has a job, so that nobody closes between the two
        try:
            claim = self._records.claim(self._lease, self._at_once)
            if claim:
                self._attempt(claim)
            return claim is not None
        finally:
            with self._idle:
                self._busy -= 1
                self._idle.notify_all()

    def _attempt(self, claim: Claim) -> None:
        """Do a job, and tell of its begin and its end."""
        with self._idle:
            self._running[claim.lease] = claim
        self._metrics.begun(claim.job)
        self._changed()
        about = logs.job.set(claim.job.id)
        try:
            self._do(claim)
        finally:
            logs.job.reset(about)
            self._frames.pop(claim.job.id, None)
            with self._idle:
                del self._running[claim.lease]
            self._changed()

    def frame(self, id: str) -> Picture | None:
        """The latest frame of a job that runs here."""
        return self._frames.get(id)

    def renew(self) -> None:
        """Keep the leases of the jobs that run here."""
        with self._idle:
            leases = list(self._running)
        if leases:
            self._records.renew(leases, self._lease)

    def reap(self, everything: bool = False) -> int:
        """Put back the jobs whose attempt died, or ``everything`` that runs, and tell how many."""
        leases = None if everything else self._suspects.ripe(self._records.overdue())
        if leases is not None and not leases:
            return 0
        reaped = self._records.reap(leases, self._attempts, GAVE_UP)
        for claim in reaped:
            self._files.delete(claim.result)
            if claim.job.status == "failed":
                log.error("Job %s was begun %d times and never ended", claim.job.id, claim.job.attempts)
                self._files.drop(claim.job.order)
            else:
                log.warning("Job %s lost its worker and waits again", claim.job.id)
            self._changed()
        return len(reaped)

    def tell_newer(self, alone: bool) -> None:
        """Tell of orders that a newer release has taken, which nobody does where this process is alone."""
        newer, before = self._records.newer(), self._newer
        self._newer = newer
        if newer and alone:
            for job in self._records.refuse_newer(TOO_NEW):
                log.error("Job %s was ordered from a newer version of Reenact, and failed", job.id)
                self._files.drop(job.order)
                self._changed()
        elif newer > before:
            log.warning("%d jobs wait for workers of a newer version of Reenact", newer)

    def close(self, seconds: float) -> bool:
        """Begin nothing more, wait so long for what runs, put the rest back; whether all stood still."""
        with self._idle:
            self._closed.set()
        still = self._wait(seconds)
        self._stop.set()  # what still runs now stops at its next frame
        still = still or self._wait(BREAK_OFF)
        with self._idle:
            left = list(self._running)
        for lease in left:
            self._records.release(lease, counted=False)
        return still

    def _wait(self, seconds: float) -> bool:
        with self._idle:
            return self._idle.wait_for(lambda: not self._busy, seconds)

    def _do(self, claim: Claim) -> None:
        assert self._worker
        try:
            outcome = self._worker.do(
                claim.job, claim.result, self._watch(claim.lease), self._show(claim.job.id)
            )
        except Exception as e:
            self._failed(claim, e)
            return
        try:
            ended = self._records.succeed(claim.lease, outcome)
        except SQLAlchemyError as e:
            if not is_full(e):  # whether it was recorded is not known then, so the result must stay
                raise
            self._failed(claim, e)
            return
        if ended:
            self._done(claim, outcome)
        else:
            self._undo(claim)

    def _done(self, claim: Claim, outcome: Outcome) -> None:
        """Tell of a job that ended well."""
        self._clean(claim, keep=claim.job.order.keep)
        self._metrics.succeeded(outcome)
        seconds = sum(outcome.seconds.values())
        log.info("Job %s made %d frames in %.1f s", claim.job.id, outcome.frames, seconds)

    def _undo(self, claim: Claim) -> None:
        """Take back what was made for a job that is not this attempt's any more."""
        self._metrics.ended(CANCELLED)
        self._files.delete(claim.result)
        if self._records.get(claim.job.id, None).status == "cancelled":
            self._files.withdraw(claim.job)
        self._clean(claim)

    def _watch(self, lease: str) -> Callable[[int, int], None]:
        """Note the frames done, and stop the work when nobody wants it any more."""
        due, made = 0.0, 0

        def watch(done: int, total: int) -> None:
            nonlocal due, made
            self._metrics.made(done - made)
            made = done
            if self._stop.is_set():
                raise Stopping("The service stops.")
            if time.monotonic() < due:
                return
            due = time.monotonic() + LOOK
            if not self._progress(lease, done, total):
                raise Cancelled("The job was cancelled.")
            self._changed()

        return watch

    def _show(self, id: str) -> Callable[[Picture], None]:
        return lambda frame: self._frames.update({id: frame})

    def _progress(self, lease: str, done: int, total: int) -> bool:
        try:
            return self._records.progress(lease, done, total, self._lease)
        except SQLAlchemyError:  # the next look may find the database again; the lease decides how long
            log.exception("The progress of a job could not be noted")
            return True

    def _failed(self, claim: Claim, error: Exception) -> None:
        """End the job, or put it back where another attempt may do better."""
        job = claim.job
        if isinstance(error, Stopping):
            self._metrics.ended(REQUEUED)
            self._records.release(claim.lease, counted=False)
        elif isinstance(error, Cancelled) or not self._records.holds(claim.lease):
            self._metrics.ended(CANCELLED)
            self._clean(claim)
        elif isinstance(error, InputError):
            log.info("Job %s failed: %s", job.id, error.code)
            self._end(claim, error)
        elif is_full(error):
            self._out_of_room(claim, error)
        else:
            # Logged first: whoever sees the job as failed finds the reason in the log.
            log.error("Job %s failed at attempt %d", job.id, job.attempts, exc_info=error)
            if job.attempts < self._attempts:
                self._metrics.ended(REQUEUED)
                self._records.release(claim.lease, counted=True)
            else:
                self._end(claim, error)
        self._files.delete(claim.result)  # it may have been published all the same

    def _out_of_room(self, claim: Claim, error: Exception) -> None:
        """End the job, which would fit no better when made anew; leave the next to others for a while."""
        log.error("Job %s failed because the disk is full", claim.job.id, exc_info=error)
        self._rest = time.monotonic() + self._lease
        self._files.delete(claim.result)  # it makes room for the record of the end
        self._files.withdraw(claim.job)
        self._end(claim, error)

    def _end(self, claim: Claim, error: Exception) -> None:
        failure = GAVE_UP if isinstance(error, EngineDied) else Failure(*public_detail(error))
        self._metrics.ended(failure.code)
        status: Status = "rejected" if isinstance(error, Refused) else "failed"
        self._records.fail(claim.lease, status, failure)
        self._clean(claim)

    def _clean(self, claim: Claim, keep: bool = False) -> None:
        """Delete the uploads, unless another attempt needs them; a selfie stays that is to be kept."""
        try:
            if keep:
                self._files.keep(claim.job.order)
            elif claim.job.order.place not in self._records.places():
                self._files.drop(claim.job.order)
        except Exception:  # of the database, the disk or the bucket; the job has ended all the same
            log.exception("The uploads of job %s stay until the next sweep", claim.job.id)
