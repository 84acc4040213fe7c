"""How an attempt at a job ends: with success, with failure, or with another attempt."""

from __future__ import annotations

import logging

from reenact.errors import Cancelled, InputError
from server.codes import public_detail
from server.database.outage import is_unreachable
from server.disk import is_full
from server.errors import EngineDied, Refused, StorageUnavailable
from server.jobs.files import Files
from server.jobs.job import Failure, Outcome, Status
from server.jobs.leases import Claim
from server.jobs.repository import JobRepository
from server.jobs.watching import JobInterrupted
from server.observability.metrics import Metrics

log = logging.getLogger(__name__)
STORAGE_PAUSE = 5.0  # seconds until a job is begun again after the bucket did not answer
CANCELLED, REQUEUED = "cancelled", "requeued"  # ends of an attempt, for the metrics
GAVE_UP = Failure(EngineDied.code, "Every attempt at this job crashed or hung. Try another picture or clip.")
TOO_NEW = Failure(
    "order_too_new",
    "This job was created by a newer version of the service than this one. Send the order again.",
)


class Endings:
    """Records the ends of attempts and deletes their files."""

    def __init__(
        self, records: JobRepository, files: Files, lease: float, attempts: int, metrics: Metrics
    ) -> None:
        """See ``Runner``."""
        self._records, self._files, self._metrics = records, files, metrics
        self._lease, self._attempts = lease, attempts

    def succeed(self, claim: Claim, outcome: Outcome) -> None:
        """Record success, or delete the result if the attempt has lost its lease."""
        if self._records.succeed(claim.lease, outcome):
            self._finish(claim, outcome)
        else:
            self._discard(claim)

    def _finish(self, claim: Claim, outcome: Outcome) -> None:
        """Count and log a job that succeeded."""
        self._delete_uploads(claim, keep_selfie=claim.job.order.keep_selfie)
        self._metrics.attempt_succeeded(outcome)
        seconds = sum(outcome.seconds.values())
        log.info("Job %s made %d frames in %.1f s", claim.job.id, outcome.frames, seconds)

    def _discard(self, claim: Claim) -> None:
        """Delete the result of an attempt that has lost its lease."""
        self._metrics.attempt_ended(CANCELLED)
        self._files.delete_result(claim.result)
        if self._records.get(claim.job.id, None).status == "cancelled":
            self._files.delete_added_template(claim.job)
        self._delete_uploads(claim)

    def fail(self, claim: Claim, error: Exception) -> float:
        """Fail a job, or requeue it if another attempt may succeed.

        Returns:
            Seconds for which this process should not start another job.
        """
        job, pause = claim.job, 0.0
        if isinstance(error, JobInterrupted):
            self._metrics.attempt_ended(REQUEUED)
            self._records.release(claim.lease, counted=False)
        elif isinstance(error, Cancelled) or not self._records.lease_is_held(claim.lease):
            self._metrics.attempt_ended(CANCELLED)
            self._delete_uploads(claim)
        elif isinstance(error, InputError):
            log.info("Job %s failed: %s", job.id, error.code)
            self._end(claim, error)
        elif is_full(error):
            self._fail_disk_full(claim, error)
            pause = self._lease
        elif isinstance(error, StorageUnavailable) or is_unreachable(error):
            log.debug("Job %s waits for the storage or the database", job.id)  # which has been told
            self._metrics.attempt_ended(REQUEUED)
            self._records.release(claim.lease, counted=False)
            pause = STORAGE_PAUSE
        else:
            # Logged first: whoever sees the job as failed finds the reason in the log.
            log.error("Job %s failed at attempt %d", job.id, job.attempts, exc_info=error)
            if job.attempts < self._attempts:
                self._metrics.attempt_ended(REQUEUED)
                self._records.release(claim.lease, counted=True)
            else:
                self._end(claim, error)
        self._files.delete_result(claim.result)  # it may have been published all the same
        return pause

    def _fail_disk_full(self, claim: Claim, error: Exception) -> None:
        """Fail the job: another attempt would need the same space."""
        log.error("Job %s failed because the disk is full", claim.job.id, exc_info=error)
        self._files.delete_result(claim.result)  # it makes room for the record of the end
        self._files.delete_added_template(claim.job)
        self._end(claim, error)

    def _end(self, claim: Claim, error: Exception) -> None:
        failure = GAVE_UP if isinstance(error, EngineDied) else Failure(*public_detail(error))
        self._metrics.attempt_ended(failure.code)
        status: Status = "rejected" if isinstance(error, Refused) else "failed"
        self._records.fail(claim.lease, status, failure)
        self._delete_uploads(claim)

    def _delete_uploads(self, claim: Claim, keep_selfie: bool = False) -> None:
        """Delete the uploads, unless another attempt needs them; with ``keep_selfie`` the selfie stays."""
        try:
            if keep_selfie:
                self._files.keep_selfie(claim.job.order)
            elif claim.job.order.upload_folder not in self._records.needed_folders():
                self._files.delete_uploads(claim.job.order)
        except Exception:  # of the database, the disk or the bucket; the job has ended all the same
            log.exception("The uploads of job %s could not be deleted; the next sweep retries", claim.job.id)
