"""``reenact-server worker``: a process that does jobs and serves no request."""

from __future__ import annotations

import logging
import os
import signal
from threading import Event

from reenact.errors import SetupError
from server.config import Settings
from server.services import build

log = logging.getLogger(__name__)
BROKEN = 3  # exit status when the engine cannot be opened, as gunicorn's


def work(settings: Settings) -> None:
    """Do jobs until SIGTERM or Ctrl+C; what runs then gets ``stop_seconds`` to end.

    Raises:
        SetupError: no broker is set, so that no server would send work here.
    """
    if settings.broker is None:
        raise SetupError("A worker needs REENACT_BROKER, for instance redis://127.0.0.1:6379.")
    services = build(settings, threads=settings.job_threads, on_broken=_stop)
    stopped = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    services.start()
    while not services.jobs.ready and not stopped.wait(0.05):
        pass
    log.info("The worker is ready")
    stopped.wait()
    if not services.close():
        os._exit(0)  # a thread is still inside the model, which must not be torn down under it


def _stop(error: Exception) -> None:
    log.critical("The engine cannot be opened: %s", error)
    os._exit(BROKEN)
