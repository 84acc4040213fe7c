"""``reenact-server sweep``: delete at once what the service deletes every few minutes."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

from reenact.errors import SetupError
from reenact.gallery import sweep_templates
from server.container import build
from server.errors import StorageUnavailable
from server.settings import Settings


def run(settings: Settings) -> int:
    """Sweep once and print what was deleted; raises SetupError if database or storage cannot be used."""
    services = build(replace(settings, broker=None), lambda error: None, runs_jobs=False)
    with closing(services.database):
        services.storage.prepare()
        services.database.prepare()
        templates = sweep_templates(settings.more_templates)
        try:
            gone = services.sweep()
        except StorageUnavailable as e:  # its cause is in the log, which goes to the terminal
            raise SetupError(str(e)) from e
    print(
        f"Deleted: {gone.uploads} uploads without a job, {gone.results} results, {gone.jobs} jobs, "
        f"{templates} unfinished templates."
    )
    return 0
