"""The files of an order: uploads, result, template."""

from __future__ import annotations

from reenact.gallery import read_metadata, remove_template, template_ids
from server.jobs.job import Job
from server.jobs.order import Order
from server.settings import Settings
from server.storage import SELFIE, Storage


class Files:
    """Publishes and deletes the files of orders."""

    def __init__(self, settings: Settings, storage: Storage) -> None:
        """Do nothing yet."""
        self._settings, self._storage = settings, storage

    def publish_inputs(self, order: Order) -> None:
        """Make an order's uploads visible to all workers."""
        self._storage.publish_inputs(order.upload_folder)

    def delete_uploads(self, order: Order) -> None:
        """Delete an order's uploads."""
        self._storage.delete_folder(order.upload_folder)

    def empty_folder(self, order: Order) -> None:
        """Delete an order's uploads, but not their folder."""
        self._storage.delete_all_but(order.upload_folder, "")

    def keep_selfie(self, order: Order) -> None:
        """Delete an order's uploads but for its selfie."""
        self._storage.delete_all_but(order.upload_folder, SELFIE)

    def delete_result(self, name: str) -> None:
        """Delete a result."""
        self._storage.delete(name)

    def delete_added_template(self, job: Job) -> None:
        """Delete the template that a job added, if it did."""
        if job.order.card and made_by(job, self._settings):
            remove_template(job.order.template or "", self._settings.more_templates)


def made_by(job: Job, settings: Settings) -> bool:
    """Whether the template that a job is to make is there, and of its making."""
    id, folder = job.order.template or "", settings.more_templates
    return id in template_ids(folder) and read_metadata(folder / id).made_by == job.id
