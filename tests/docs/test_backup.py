"""What the guide tells to type for a backup and its restore, on SQLite; tests/broker has PostgreSQL."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from server.database.database import FILE, Database

from ..server.migrations.first import SQLITE, check_nothing_is_lost
from .guide import commands


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The data folder of a service of the first release, with a file beside its database."""
    folder = tmp_path / "lib" / "reenact"
    folder.mkdir(parents=True)
    with closing(sqlite3.connect(folder / FILE)) as connection:
        connection.executescript(SQLITE.read_text())
    (folder / "motions").mkdir()
    (folder / "motions" / "mine").write_text("a template")
    (folder / "working").mkdir()
    return folder


@pytest.fixture
def upgraded(data: Path) -> Iterator[Callable[[], Database]]:
    """Gives the database of the folder, brought up to date."""
    opened: list[Database] = []

    def open_() -> Database:
        opened.append(Database(None, data))
        opened[-1].prepare()
        return opened[-1]

    yield open_
    for each in opened:
        each.close()


def run(script: str, data: Path) -> None:
    """Run a script of the guide on this folder, as this user."""
    script = script.replace("/var/lib/reenact", str(data))
    script = script.replace("--owner=reenact --group=reenact", f"--owner={os.getuid()} --group={os.getgid()}")
    done = subprocess.run(["sh", "-euc", script], cwd=data.parents[1], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_service_that_was_upgraded_is_put_back(data: Path, upgraded: Callable[[], Database]) -> None:
    run(commands("Back up", "SQLite, stopped."), data)
    newer = upgraded()
    assert newer.schema() != "0001"
    newer.close()
    (data / "motions" / "mine").unlink()
    run(commands("Restore", "SQLite:"), data)
    older = Database(None, data)
    assert older.schema() == "0001"
    older.close()
    assert (data / "motions" / "mine").read_text() == "a template"
    assert not (data / "working").exists()
    check_nothing_is_lost(upgraded())


def test_a_database_is_copied_while_it_is_written(
    data: Path, upgraded: Callable[[], Database], need: Callable[[str, object], None]
) -> None:
    need("sqlite3", shutil.which("sqlite3"))
    database = upgraded()
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE half_done (number INTEGER)")
        run(commands("Back up", "SQLite, running."), data)
    with closing(sqlite3.connect(data.parents[1] / FILE)) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        tables = {name for (name,) in copy.execute("SELECT name FROM sqlite_master")}
    assert "jobs" in tables and "half_done" not in tables
