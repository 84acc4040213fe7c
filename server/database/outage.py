"""Outages of the database: how they are detected, and who waits until they are over."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Lock
from typing import TypeVar

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolEmpty

from server.disk import is_full

log = logging.getLogger(__name__)
T = TypeVar("T")
PAUSE = 0.5  # seconds between two tries of an unreachable database
SILENCE_SECONDS = 3.0  # seconds without an answer after which the database counts as unresponsive
_LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def is_unreachable(error: BaseException) -> bool:
    """Whether the database could not be reached or was too busy, so that a retry may succeed."""
    if isinstance(error, PoolEmpty):
        return True
    if not isinstance(error, DBAPIError) or is_full(error):
        return False
    if isinstance(error.orig, sqlite3.Error):
        return getattr(error.orig, "sqlite_errorcode", 0) & 0xFF in _LOCKED
    return isinstance(error, OperationalError | InterfaceError)


def retry_until_answered(ask: Callable[[bool], T], given_up: Event) -> T:
    """Retry until the database answers; raises what its driver raises once ``given_up`` is set.

    Args:
        ask: gets whether it was called before: that call may have succeeded although no answer came.
        given_up: ends the waiting when it is set.
    """
    again = False
    while True:
        try:
            return ask(again)
        except SQLAlchemyError as e:
            if not is_unreachable(e) or given_up.wait(PAUSE):
                raise
            if not again:
                log.warning(
                    "The database cannot be reached; the result of a job waits to be recorded: %s",
                    driver_message(e),
                )
            again = True


def driver_message(error: BaseException) -> str:
    """The driver's message in one line, without the statement."""
    return " ".join(str(getattr(error, "orig", None) or error).split())


class Unanswered(OSError):
    """The query was not sent: the database did not answer a moment ago, and another thread is trying it."""


class OutageGuard:
    """Guards the access to one database. All methods may be called from any thread.

    While the database does not answer, one thread at a time waits for it and the others fail at once.
    Otherwise all threads of a server would soon wait, and no request would be answered.
    """

    def __init__(self) -> None:
        """Assume that the database works."""
        self._pending: dict[object, float] = {}  # start times of the queries without an answer
        self._unresponsive, self._trial_lock = False, Lock()
        self._next = 0.0  # when to try again

    @property
    def unresponsive(self) -> bool:
        """Whether the database does not answer."""
        began = min(list(self._pending.values()), default=None)
        return self._unresponsive or (began is not None and time.monotonic() - began > SILENCE_SECONDS)

    @contextmanager
    def ask(self) -> Iterator[None]:
        """Query within the block; raises OperationalError if another thread is waiting for an answer."""
        with self._admit():
            question = object()
            self._pending[question] = time.monotonic()
            try:
                yield
                self._unresponsive = False
            except DBAPIError as e:
                self._unresponsive = _is_silence(e.orig)
                self._next = time.monotonic() + PAUSE
                raise
            finally:
                del self._pending[question]

    @contextmanager
    def _admit(self) -> Iterator[None]:
        """Admit all threads while the database answers, otherwise one at a time after a pause."""
        if not self._unresponsive:
            yield
        elif time.monotonic() >= self._next and self._trial_lock.acquire(blocking=False):
            try:
                yield
            finally:
                self._trial_lock.release()
        else:
            raise OperationalError(None, None, Unanswered("The database does not answer."))


def _is_silence(error: BaseException | None) -> bool:
    try:
        from server.database.postgres import is_silence
    except ImportError:  # without psycopg there is SQLite alone
        return False
    return is_silence(error)
