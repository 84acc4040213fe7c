"""The engine as the settings ask for it, and the worker that does orders with it."""

from __future__ import annotations

from collections.abc import Callable

from reenact.engine import Engine
from reenact.runtime import available_cores
from server.engine.work import EngineWorker
from server.screening import Blocklist, Moderators, Screen, find_moderators
from server.settings import Settings
from server.storage import Storage


def engine_worker(
    settings: Settings,
    storage: Storage,
    blocklist: Blocklist,
    open_engine: Callable[[], Engine] | None = None,
) -> EngineWorker:
    """A worker of this process that is not open yet; raises SetupError.

    Args:
        settings: see ``server.settings``.
        storage: where uploads are found and results go.
        blocklist: of photos that are refused.
        open_engine: gives the warm engine; by default as the settings say.
    """
    opened = open_engine or (lambda: open_warm(settings))
    return EngineWorker(settings, storage, opened, open_screen(settings, blocklist))


def open_screen(settings: Settings, blocklist: Blocklist) -> Screen:
    """The checks that an order must pass; raises SetupError."""
    checks = find_moderators(settings.moderator, settings.moderator_secret, settings.moderator_seconds)
    return Screen(blocklist, Moderators(checks, settings.moderator_failure == "allow"))


def open_warm(settings: Settings) -> Engine:
    """The engine, opened and run once; raises SetupError."""
    threads = settings.threads or max(1, available_cores() // settings.job_threads)
    engine = Engine(device=settings.device, threads=threads, require_gpu=settings.require_gpu)
    engine.warm()
    return engine
