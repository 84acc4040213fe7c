"""Databases of older releases on SQLite; tests/broker has the same on PostgreSQL."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from reenact.errors import SetupError
from server.database.database import FILE, Database
from server.database.migrations import FOLDER, known

from .first import SQLITE, check_nothing_is_lost, check_tables_are_as_declared, shape

OPEN = (
    "import sys; from pathlib import Path; from server.database.database import open_database; "
    "open_database(None, Path(sys.argv[1])).close()"
)


@pytest.fixture
def first(tmp_path: Path) -> Iterator[Database]:
    """A database of the first release, not yet brought up to date."""
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        connection.executescript(SQLITE.read_text())
    database = Database(None, tmp_path)
    yield database
    database.close()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Database]:
    database = Database(None, tmp_path / "fresh")
    (tmp_path / "fresh").mkdir()
    database.prepare()
    yield database
    database.close()


def test_a_database_of_the_first_release_loses_nothing(first: Database) -> None:
    assert first.schema() == "0001"
    first.prepare()
    check_nothing_is_lost(first)
    first.prepare()  # a second start
    assert first.schema() == known()[0]


def test_a_database_from_before_some_of_its_tables(first: Database) -> None:
    with first.write() as connection:
        connection.exec_driver_sql("DROP TABLE operators")
    first.prepare()
    check_tables_are_as_declared(first)


def test_fresh_and_upgraded_databases_are_the_same_and_as_declared(first: Database, fresh: Database) -> None:
    first.prepare()
    assert shape(first) == shape(fresh)
    for database in (first, fresh):
        check_tables_are_as_declared(database)


def test_processes_that_start_at_once_upgrade_once(first: Database, tmp_path: Path) -> None:
    starting = [subprocess.Popen([sys.executable, "-c", OPEN, tmp_path]) for _ in range(4)]
    assert [process.wait(120) for process in starting] == [0, 0, 0, 0]
    check_nothing_is_lost(first)


@pytest.mark.parametrize(
    "newer",
    ["UPDATE alembic_version SET version_num = '9999'", "DROP TABLE alembic_version"],
    ids=["a newer release", "another numbering"],
)
def test_a_newer_database_is_refused_and_left_alone(fresh: Database, newer: str) -> None:
    with fresh.write() as connection:
        connection.exec_driver_sql(newer)
        connection.exec_driver_sql("UPDATE schema_version SET version = 9999")
    before = shape(fresh)
    for use in (fresh.prepare, fresh.schema):
        with pytest.raises(SetupError, match="schema 9999"):
            use()
    assert shape(fresh) == before


def test_the_first_release_refuses_what_it_would_read_wrongly(first: Database) -> None:
    first.prepare()
    with first.read() as connection:
        assert connection.exec_driver_sql("SELECT version FROM schema_version").scalars().all() == [2]


def test_revisions_are_numbered_without_gaps() -> None:
    assert [int(each) for each in known()] == list(range(len(known()), 0, -1))
    assert all((FOLDER / "versions").glob(f"{each}_*.py") for each in known())
