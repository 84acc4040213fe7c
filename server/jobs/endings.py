"""How an attempt at a job ends: well, badly, or so that the job waits for another one."""

from __future__ import annotations

import logging

from reenact.errors import Cancelled, InputError
from server.codes import public_detail
from server.database.outage import is_away
from server.disk import is_full
from server.errors import EngineDied, Refused, StorageUnavailable
from server.jobs.files import Files
from server.jobs.job import Failure, Outcome, Status
from server.jobs.leases import Claim
from server.jobs.repository import JobRepository
from server.jobs.watching import Stopping
from server.observability.metrics import Metrics

log = logging.getLogger(__name__)
STORAGE_REST = 5.0  # seconds until a job is begun again after the bucket did not answer
CANCELLED, REQUEUED = "cancelled", "requeued"  # ends of an attempt, for the metrics
GAVE_UP = Failure(
    EngineDied.code, "The server broke off at each attempt at this job. Try another picture or clip."
)
TOO_NEW = Failure(
    "order_too_new", "This was ordered from a newer version of the service than runs now. Order it again."
)


class Endings:
    """Records the ends of attempts and tidies up after them."""

    def __init__(
        self, records: JobRepository, files: Files, lease: float, attempts: int, metrics: Metrics
    ) -> None:
        """See ``Runner``."""
        self._records, self._files, self._metrics = records, files, metrics
        self._lease, self._attempts = lease, attempts

    def succeed(self, claim: Claim, outcome: Outcome) -> None:
        """End a job well, or take back what was made where it is not this attempt's any more."""
        if self._records.succeed(claim.lease, outcome):
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

    def fail(self, claim: Claim, error: Exception) -> float:
        """End a job badly, or put it back where another attempt may do better.

        Returns:
            For how many seconds this process had better begin no other job.
        """
        job, rest = claim.job, 0.0
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
            rest = self._lease
        elif isinstance(error, StorageUnavailable) or is_away(error):
            log.debug("Job %s waits for the storage or the database", job.id)  # which has been told
            self._metrics.ended(REQUEUED)
            self._records.release(claim.lease, counted=False)
            rest = STORAGE_REST
        else:
            # Logged first: whoever sees the job as failed finds the reason in the log.
            log.error("Job %s failed at attempt %d", job.id, job.attempts, exc_info=error)
            if job.attempts < self._attempts:
                self._metrics.ended(REQUEUED)
                self._records.release(claim.lease, counted=True)
            else:
                self._end(claim, error)
        self._files.delete(claim.result)  # it may have been published all the same
        return rest

    def _out_of_room(self, claim: Claim, error: Exception) -> None:
        """End the job, which would fit no better when made anew."""
        log.error("Job %s failed because the disk is full", claim.job.id, exc_info=error)
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
