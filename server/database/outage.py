"""A database that cannot be reached or keeps silent: how that is known, and who waits until it is over."""

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
PAUSE = 0.5  # seconds between two questions to a database that was away
PATIENCE = 3.0  # seconds without an answer after which the database is said to keep silent
_LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def is_away(error: BaseException) -> bool:
    """Whether a database could not be reached, or had no time to answer; asked later it may."""
    if isinstance(error, PoolEmpty):
        return True
    if not isinstance(error, DBAPIError) or is_full(error):
        return False
    if isinstance(error.orig, sqlite3.Error):
        return getattr(error.orig, "sqlite_errorcode", 0) & 0xFF in _LOCKED
    return isinstance(error, OperationalError | InterfaceError)


def insist(ask: Callable[[bool], T], hopeless: Event) -> T:
    """Ask until the database answers; raises what its driver raises once it is hopeless.

    Args:
        ask: is told whether it was called before, which may have worked though no answer came.
        hopeless: ends the waiting.
    """
    again = False
    while True:
        try:
            return ask(again)
        except SQLAlchemyError as e:
            if not is_away(e) or hopeless.wait(PAUSE):
                raise
            if not again:
                log.warning("The database cannot be reached, and what is to be noted waits: %s", why(e))
            again = True


def why(error: BaseException) -> str:
    """What the driver says, in one line and without the statement."""
    return " ".join(str(getattr(error, "orig", None) or error).split())


class Unanswered(OSError):
    """Nothing was asked: the database kept silent a moment ago, and another looks whether it still does."""


class Line:
    """The line to one database. All methods may be called from any thread.

    While the database keeps silent one thread at a time waits for it, and the others are told so at once;
    else all threads of a server would soon wait, and nobody would be answered.
    """

    def __init__(self) -> None:
        """Nothing was asked yet."""
        self._asked: dict[object, float] = {}  # when each question was asked that has no answer yet
        self._silent, self._trial = False, Lock()
        self._next = 0.0  # when it is worth a look again

    @property
    def silent(self) -> bool:
        """Whether the database keeps silent."""
        began = min(list(self._asked.values()), default=None)
        return self._silent or (began is not None and time.monotonic() - began > PATIENCE)

    @contextmanager
    def ask(self) -> Iterator[None]:
        """Ask something within the block; raises OperationalError where that would be in vain."""
        with self._lane():
            question = object()
            self._asked[question] = time.monotonic()
            try:
                yield
                self._silent = False
            except DBAPIError as e:
                self._silent = _is_silence(e.orig)
                self._next = time.monotonic() + PAUSE
                raise
            finally:
                del self._asked[question]

    @contextmanager
    def _lane(self) -> Iterator[None]:
        """All pass while the database answers; while it does not, one at a time, and after a pause."""
        if not self._silent:
            yield
        elif time.monotonic() >= self._next and self._trial.acquire(blocking=False):
            try:
                yield
            finally:
                self._trial.release()
        else:
            raise OperationalError(None, None, Unanswered("The database keeps silent."))


def _is_silence(error: BaseException | None) -> bool:
    try:
        from server.database.postgres import is_silence
    except ImportError:  # without psycopg there is SQLite alone
        return False
    return is_silence(error)
