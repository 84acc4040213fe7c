"""Connections to PostgreSQL with a time limit for each answer.

If its machine freezes or the network drops packets, neither the driver nor the server's own limits end the
wait. This does.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any, TypeVar

import psycopg

CONNECT_SECONDS = 3  # that connecting may take, to each address of the server
ANSWER_SECONDS = 6.0  # that an answer may take
# The server's side: it gives up before we do, and ends the transaction of a process that stands still.
_SESSION = "SET statement_timeout = '5s'; SET idle_in_transaction_session_timeout = '15s'"
Answer = TypeVar("Answer")


class NoAnswer(psycopg.OperationalError):
    """The server took too long to answer."""


class Connection(psycopg.Connection[Any]):
    """One that is closed, with an error, when an answer takes longer than ``seconds``."""

    seconds = ANSWER_SECONDS

    def wait(self, gen: Generator[Any, Any, Answer], *arguments: Any, **more: Any) -> Answer:
        """Wait for an answer; raises Silent."""
        return super().wait(self._bounded(gen), *arguments, **more)

    def _bounded(self, gen: Generator[Any, Any, Answer]) -> Generator[Any, Any, Answer]:
        """The same steps of the driver, which is woken each tenth of a second without an answer too."""
        deadline = time.monotonic() + self.seconds
        try:
            wanted = next(gen)
            while True:
                came = yield wanted
                if not came and time.monotonic() > deadline:
                    self.close()
                    raise NoAnswer(f"The database did not answer within {self.seconds:g} seconds.")
                wanted = gen.send(came)
        except StopIteration as end:
            answer: Answer = end.value
            return answer


def connect(dialect: object, record: object, arguments: list[Any], more: dict[str, Any]) -> Connection:
    """SQLAlchemy's ``do_connect``: open a connection of this kind."""
    connection = Connection.connect(*arguments, **{"connect_timeout": CONNECT_SECONDS} | more)
    try:
        connection.execute(_SESSION)
        connection.commit()
    except BaseException:
        connection.close()
        raise
    return connection


def is_silence(error: BaseException | None) -> bool:
    """Whether an error of the driver says that nothing was said."""
    return isinstance(error, NoAnswer | psycopg.errors.ConnectionTimeout)
