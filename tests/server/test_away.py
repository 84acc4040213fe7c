"""When a database counts as away, and who waits for it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from threading import Event, Thread

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError, ProgrammingError, SQLAlchemyError

from server.database.outage import OutageGuard, driver_message, is_unreachable, retry_until_answered

psycopg = pytest.importorskip("psycopg", reason="optional part missing: psycopg")
from server.database.postgres import NoAnswer  # noqa: E402

SILENT = OperationalError("SELECT 1", {}, NoAnswer("no answer"))
REFUSED = OperationalError("SELECT 1", {}, psycopg.OperationalError("connection refused"))
MISTAKE = ProgrammingError("SELEKT 1", {}, psycopg.errors.SyntaxError("at SELEKT"))


def locked(folder: Path) -> SQLAlchemyError:
    """What SQLite says to one who waited for another in vain."""
    engine = create_engine(f"sqlite:///{folder / 'file'}", connect_args={"timeout": 0})
    with closing(sqlite3.connect(folder / "file", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(OperationalError) as caught, engine.connect() as connection:
            connection.execute(text("CREATE TABLE a (b INTEGER)"))
    engine.dispose()
    return caught.value


def test_what_is_away_is_no_mistake(tmp_path: Path) -> None:
    assert is_unreachable(SILENT) and is_unreachable(REFUSED) and is_unreachable(locked(tmp_path))
    missing = OperationalError("SELECT 1", {}, sqlite3.OperationalError("no such table"))
    assert not any(map(is_unreachable, (MISTAKE, missing, ValueError("away"))))
    assert driver_message(REFUSED) == "connection refused"


def test_who_insists_is_answered_in_the_end() -> None:
    answers: list[object] = [REFUSED, SILENT, "yes"]

    def ask(again: bool) -> str:
        answer = answers.pop(0)
        assert again == (len(answers) < 2)
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    assert retry_until_answered(ask, Event()) == "yes" and answers == []


@pytest.mark.parametrize("error", [MISTAKE, REFUSED])
def test_nobody_insists_on_a_mistake_or_when_it_is_hopeless(error: Exception) -> None:
    hopeless = Event()
    if error is REFUSED:
        hopeless.set()

    def ask(again: bool) -> None:
        assert not again
        raise error

    with pytest.raises(type(error)):
        retry_until_answered(ask, hopeless)


def test_while_the_database_keeps_silent_one_asks_and_others_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("server.database.outage.PAUSE", 0.0)
    line = OutageGuard()
    assert not line.unresponsive
    with pytest.raises(OperationalError), line.ask():
        raise SILENT
    assert line.unresponsive
    asks, answer = Event(), Event()

    def wait() -> None:
        with line.ask():
            asks.set()
            answer.wait(60)

    one = Thread(target=wait)
    one.start()
    assert asks.wait(60)
    with pytest.raises(OperationalError) as caught, line.ask():
        pytest.fail("this would wait too")
    assert is_unreachable(caught.value) and line.unresponsive
    answer.set()
    one.join(60)
    assert not line.unresponsive
    with line.ask():
        pass


def test_a_refusal_keeps_nobody_from_asking() -> None:
    line = OutageGuard()
    with pytest.raises(OperationalError), line.ask():
        raise REFUSED
    with line.ask():
        assert not line.unresponsive
