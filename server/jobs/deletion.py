"""Deletes a job: its personal data and its files."""

from __future__ import annotations

from sqlalchemy.exc import SQLAlchemyError

from server.disk import is_full
from server.jobs.files import Files
from server.jobs.job import ENDED, Job
from server.jobs.repository import JobRepository


class Deletion:
    """Cancels jobs and deletes their data."""

    def __init__(self, records: JobRepository, files: Files) -> None:
        """Do nothing yet."""
        self._records, self._files = records, files

    def delete(self, job: Job) -> None:
        """Stop a job that has not ended; delete the result, faces and metadata of any; raises NotFound."""
        if job.status in ENDED:  # files first: after a crash, a second request finds that they are gone
            self._delete_files(job)
            self._cancel(job)
        else:  # its attempt still reads them
            self._delete_files(self._cancel(job))

    def _cancel(self, job: Job) -> Job:
        """Record the deletion, and return the job as it was."""
        try:
            return self._records.cancel(job.id, job.owner)
        except SQLAlchemyError as e:
            if not is_full(e):
                raise
            self._free_disk(job)
            return self._records.cancel(job.id, job.owner)

    def _free_disk(self, job: Job) -> None:
        """Delete a job's files first, since recording the deletion needs disk space.

        The folder stays: if even that frees no space, a queued job without uploads can still run.
        """
        self._delete_result(job)
        self._files.empty_folder(job.order)
        self._records.database.truncate_journal()

    def _delete_files(self, job: Job) -> None:
        self._delete_result(job)
        self._files.delete_uploads(job.order)

    def _delete_result(self, job: Job) -> None:
        if job.outcome and job.outcome.stored:
            self._files.delete_result(job.outcome.stored.token)
