"""``reenact-server serve``: one process that answers requests, and starts the one that holds the engine."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import signal
import socket
import time
from pathlib import Path
from threading import Event, Thread, main_thread
from typing import IO, TYPE_CHECKING, Any

import waitress

from reenact.errors import SetupError
from reenact.os_errors import reason
from server.access.keys import Keys
from server.commands import ports
from server.database.database import make_folder, open_database
from server.engine.certificate import anchors_of, announce
from server.settings import Settings
from server.storage import LocalStorage

if TYPE_CHECKING:
    from apiflask import APIFlask
    from waitress.server import TcpWSGIServer

    from server.container import Services

log = logging.getLogger(__name__)
BROKEN = 3  # exit status when the service cannot start, as a worker's
CONNECTIONS = 1000  # at once; more wait until one is closed
SILENCE_SECONDS = 60  # without a byte, after which a connection is closed
HEADER_BYTES = 32_768  # that a request's line and headers may have together
LOOK = 0.05  # seconds between two looks at whether all responses are sent
CLOSE_SECONDS = 9  # that closing takes at most, after the time that running jobs get
LOCK_SECONDS = 5  # that a killed server's orphan may take to notice and go


def serve(settings: Settings) -> None:
    """Listen, and do the jobs where no broker gives them to workers; raises SetupError."""
    with take_lock(settings.data):
        LocalStorage(settings.data, 0).prepare()
        prepare_database(settings)
        check_address(settings.host, settings.port)
        anchors_of(settings)
        if settings.broker is None:  # otherwise workers make the results
            announce(settings)
        Listener(settings).run()


def take_lock(folder: Path) -> IO[str]:
    """Keep a second server out of the folder while the returned file is open; raises SetupError."""
    make_folder(folder)
    try:
        lock = (folder / "lock").open("w")
    except OSError as e:
        raise SetupError(
            f"The folder {folder} cannot be written: {reason(e)}. Name another in REENACT_DATA."
        ) from e
    deadline = time.monotonic() + LOCK_SECONDS
    while not _locked(lock):
        if time.monotonic() > deadline:
            lock.close()
            raise SetupError(f"Another server uses the folder {folder}. Stop it or set REENACT_DATA.")
        time.sleep(0.1)
    return lock


def _locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def prepare_database(settings: Settings) -> None:
    """Make the tables, and let go of the database before any process is forked.

    Raises:
        SetupError: it cannot be used; or others can reach the address and nobody would be asked for a key.
    """
    database = open_database(settings.database, settings.data)
    guarded = settings.local or Keys(database).exist()
    database.close()
    if not guarded:
        raise SetupError(
            f"Other machines can reach {settings.host}, and there is no key that keeps strangers out. Make "
            "one with `reenact-server keys add NAME`, or listen on REENACT_HOST=127.0.0.1."
        )


def check_address(host: str, port: int) -> None:
    """Wait, as for the folder, until one can listen there; raises SetupError."""
    deadline = time.monotonic() + LOCK_SECONDS
    while wrong := ports.trouble(host, port):
        if wrong.errno != errno.EADDRINUSE or time.monotonic() > deadline:
            raise ports.unusable(host, port, wrong)
        time.sleep(0.1)


class Listener:
    """waitress with our settings, in this process: it reads whole requests and buffers responses itself.

    Its threads see a request when the last byte has come, so slow clients hold none of them. Each response
    that goes on for long, ``Prefer: wait`` and events, holds one; the services limit how many do.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._asked_to_stop = Event()
        self._closed = False
        self._all_stopped = True

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT; raises SetupError."""
        with ports.listen(self._settings.host, self._settings.port) as line:
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, self._on_signal)
            app, services = self._load()
            server = waitress.create_server(app, sockets=[line], **options(self._settings))
            closing = Thread(target=self._close, args=(server, services), name="closing", daemon=True)
            closing.start()
            self._say_where(line)
            server.run()
        if not self._all_stopped:
            os._exit(0)  # a thread is still inside the model, which must not be torn down under it

    def _load(self) -> tuple[APIFlask, Services]:
        """Build the app and start its services."""
        from server.app import create_app
        from server.container import services_of

        app = create_app(self._settings, on_broken=_stop_all)
        services = services_of(app)
        try:
            services.start()
        except SetupError as e:
            _stop_all(e)
        return app, services

    def _say_where(self, line: socket.socket) -> None:
        host, port = line.getsockname()[:2]
        name = f"[{host}]" if ":" in host else host
        said = f"Reenact listens on http://{name}:{port} (Ctrl+C stops it)"
        if self._settings.log == "json":
            log.info(said)
        else:
            print(said, flush=True)

    def _on_signal(self, number: int, frame: object) -> None:
        """Begin to stop at the first signal, ignore more of them, and leave the loop when all is closed."""
        if self._closed:
            raise SystemExit
        self._asked_to_stop.set()

    def _close(self, server: TcpWSGIServer, services: Services) -> None:
        """Stop the work while waitress still answers, so that waiting clients learn how far their job is."""
        self._asked_to_stop.wait()
        server.accepting = False
        self._all_stopped = services.close()
        deadline = time.monotonic() + CLOSE_SECONDS
        while _is_answering(server) and time.monotonic() < deadline:
            time.sleep(LOOK)
        self._closed = True
        signal.pthread_kill(main_thread().ident or 0, signal.SIGTERM)  # ends server.run()


def options(settings: Settings) -> dict[str, Any]:
    """Our settings as waitress' arguments."""
    return {
        "threads": settings.http_threads,
        "connection_limit": CONNECTIONS,
        "asyncore_use_poll": True,  # select() knows no more than 1024 connections
        "channel_timeout": SILENCE_SECONDS,
        "cleanup_interval": 5,
        "channel_request_lookahead": 1,  # so that it notices a client that hangs up while it is answered
        # A body that is only a little too large is read, so that the application can answer with a problem.
        "max_request_body_size": settings.upload_bytes * 5 // 4,
        "max_request_header_size": HEADER_BYTES,
        "clear_untrusted_proxy_headers": False,  # werkzeug's ProxyFix decides, by REENACT_PROXIES
        "ident": None,
    }


def _is_answering(server: TcpWSGIServer) -> bool:
    """Whether a request is in work, or part of a response is not sent yet."""
    return any(each.requests or each.total_outbufs_len for each in list(server.active_channels.values()))


def _stop_all(error: Exception) -> None:
    """Without engine, records or files there is nothing to serve."""
    log.critical("The service cannot start: %s", error)
    os._exit(BROKEN)
