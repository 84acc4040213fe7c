"""``reenact-server serve``: one process that answers requests, and starts the one that holds the engine."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import signal
import time
from collections.abc import Callable
from math import ceil
from pathlib import Path
from threading import Event, Thread
from typing import IO, TYPE_CHECKING, Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter

from reenact.errors import SetupError
from reenact.os_errors import reason
from server.access.keys import Keys
from server.commands import ports
from server.database.database import make_folder, open_database
from server.engine.certificate import anchors_of, announce
from server.http.listening import PatientWorker
from server.observability import logs
from server.settings import Settings
from server.storage import LocalStorage

if TYPE_CHECKING:
    from server.container import Services

log = logging.getLogger(__name__)
LOOK = 0.1  # seconds between two looks at whether gunicorn still takes requests
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


class Listener(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn with one process and several threads.

    One process, since it starts the engine. It alone imports the app, so that the one it is forked from stays
    small and has no threads.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._services: Services | None = None
        self._exits, self._still = Event(), True
        super().__init__()

    def load_config(self) -> None:
        """Translate our settings; gunicorn's own files and variables are not read."""
        for name, value in self._options().items():
            if name in self.cfg.settings:  # some are unknown to older versions
                self.cfg.set(name, value)

    def load(self) -> Callable[..., Any]:
        """Build the app in the process that will serve it."""
        from server.app import create_app
        from server.container import services_of

        app = create_app(self._settings, on_broken=_stop_all)
        self._services = services_of(app)
        try:
            self._services.start()
        except SetupError as e:
            _stop_all(e)
        return app

    def _options(self) -> dict[str, object]:
        host = f"[{self._settings.host}]" if ":" in self._settings.host else self._settings.host
        return {
            "bind": f"{host}:{self._settings.port}",
            "proc_name": "reenact-server",
            "workers": 1,
            "worker_class": PatientWorker,
            "threads": self._settings.http_threads,
            "graceful_timeout": ceil(self._settings.stop_seconds) + CLOSE_SECONDS,
            "logconfig_dict": logs.config(self._settings.log),
            "control_socket_disable": True,
            "forwarded_allow_ips": "",  # REENACT_PROXIES says whom to believe, not where they are
            "when_ready": self._say_where,
            "post_fork": self._set_up,
            "post_worker_init": self._begin_watch,
            "worker_int": lambda worker: _heed_no_more_signals(),
            "worker_exit": self._end,
        }

    def _say_where(self, arbiter: Any) -> None:
        host, port = arbiter.LISTENERS[0].getsockname()[:2]
        name = f"[{host}]" if ":" in host else host
        said = f"Reenact listens on http://{name}:{port} (Ctrl+C stops it)"
        if self._settings.log == "json":
            log.info(said)
        else:
            print(said, flush=True)

    def _set_up(self, arbiter: Any, worker: Any) -> None:
        worker.silent = self._settings.head_seconds

    def _begin_watch(self, worker: Any) -> None:
        self._closing = Thread(target=self._close, args=(worker,), name="closing", daemon=True)
        self._closing.start()

    def _close(self, worker: Any) -> None:
        """Stop the work as soon as gunicorn takes no more requests, and not when the last has been answered.

        So those who wait for a job, or listen to it, are told at once how far it is, and let go.
        """
        while worker.alive and os.getppid() == worker.ppid and not self._exits.wait(LOOK):
            pass
        seconds = None if os.getppid() == worker.ppid else 0.0  # killed: nobody waits but the next server
        assert self._services  # load() came first
        self._still = self._services.close(seconds)

    def _end(self, arbiter: Any, worker: Any) -> None:
        _heed_no_more_signals()
        self._exits.set()
        self._closing.join()
        if not self._still:
            os._exit(0)  # a thread is still inside the model, which must not be torn down under it


def _heed_no_more_signals() -> None:
    """Ctrl+C comes twice, from the terminal and from gunicorn: the second must not break off the closing."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)  # not SIG_IGN: Python complains when one is on its way already


def _stop_all(error: Exception) -> None:
    """Without engine, records or files there is nothing to serve: end with gunicorn's status for that."""
    log.critical("The service cannot start: %s", error)
    os._exit(Arbiter.WORKER_BOOT_ERROR)
