"""``reenact-server worker``: a process that does jobs and serves no request."""

from __future__ import annotations

import logging
import os
import select
import signal
import socket

from reenact.errors import SetupError
from server.container import build
from server.engine.certificate import announce
from server.settings import Settings

log = logging.getLogger(__name__)
BROKEN = 3  # exit status when the engine cannot be opened, as a server's
STOP = (signal.SIGTERM, signal.SIGINT)
POLL_SECONDS = 0.1  # seconds between two looks at whether the engine is open


def work(settings: Settings) -> None:
    """Do jobs until SIGTERM or Ctrl+C; what runs then gets ``stop_seconds`` to end.

    Raises:
        SetupError: no broker is set, so that no server would send work here; a kind of work is unknown; or
            nothing can be signed.
    """
    if settings.broker is None:
        raise SetupError("A worker needs REENACT_BROKER, for instance redis://127.0.0.1:6379.")
    announce(settings)
    services = build(settings, _stop)
    stopped = _signal_socket()
    services.start()
    ready = False
    while not select.select([stopped], [], [], POLL_SECONDS)[0]:
        if not ready and services.jobs.ready:
            ready = True
            log.info("The worker is ready")
    if not services.close():
        os._exit(0)  # a thread is still inside the model, which must not be torn down under it


def _signal_socket() -> socket.socket:
    """A socket that can be read once a signal to stop has come; further ones change nothing.

    A handler in Python runs only when the main thread wakes, and once that slept a minute past SIGTERM in
    Event.wait. What CPython writes into the socket, it writes at once and from whichever thread is hit.
    """
    heard, sent = socket.socketpair()
    sent.setblocking(False)
    signal.set_wakeup_fd(sent.detach(), warn_on_full_buffer=False)
    for number in STOP:
        signal.signal(number, lambda *_: None)
    return heard


def _stop(error: Exception) -> None:
    log.critical("The engine cannot be opened: %s", error)
    os._exit(BROKEN)
