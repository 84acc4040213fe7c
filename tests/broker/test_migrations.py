"""Databases of older releases on PostgreSQL."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from server.database.database import Database

from ..server.migrations.first import POSTGRESQL, check_nothing_is_lost, check_tables_are_as_declared, shape

pytestmark = pytest.mark.broker
OPEN = (
    "import sys; from pathlib import Path; from server.database.database import open_database; "
    "open_database(sys.argv[1], Path(sys.argv[2])).close()"
)


@pytest.fixture
def first(postgres: str, tmp_path: Path) -> Iterator[Database]:
    """A database of the first release, not yet brought up to date."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(POSTGRESQL.read_text())
    database = Database(postgres, tmp_path)
    yield database
    database.close()


def test_processes_that_start_at_once_upgrade_a_database_of_the_first_release(
    first: Database, postgres: str, tmp_path: Path
) -> None:
    assert first.schema() == "0001"
    command = [sys.executable, "-c", OPEN, postgres, tmp_path]
    starting = [subprocess.Popen(command) for _ in range(4)]
    assert [process.wait(120) for process in starting] == [0, 0, 0, 0]
    check_nothing_is_lost(first)


def test_fresh_and_upgraded_databases_are_the_same_and_as_declared(
    first: Database, cluster: str, tmp_path: Path
) -> None:
    name = f"test{uuid4().hex}"
    with psycopg.connect(cluster, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    fresh = Database(f"{cluster.rpartition('/')[0]}/{name}", tmp_path)
    for database in (first, fresh):
        database.prepare()
        check_tables_are_as_declared(database)
    assert shape(first) == shape(fresh)
    fresh.close()
