"""The database: SQLite beside the files by default, PostgreSQL by URL.

Rooms that keep records add their tables to ``METADATA``. Missing tables are made at start; ``SCHEMA`` is
counted up when one changes, and a database of another count is refused instead of being read wrongly.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Integer,
    MetaData,
    Table,
    create_engine,
    event,
    insert,
    inspect,
    select,
    text,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from reenact.errors import SetupError
from reenact.reasons import reason
from server.disk import is_full

METADATA = MetaData()
SCHEMA = 1
FILE = "reenact.db"
_LOCK_SECONDS = 30  # how long a process waits for another that writes to the same SQLite file
_CREATING = 7_263_001  # any number, the same in every process: PostgreSQL's lock while tables are made
_versions = Table("schema_version", METADATA, Column("version", Integer, primary_key=True))


def make_folder(folder: Path) -> None:
    """Make the folder of the service's data, for its owner's eyes only; raises SetupError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as e:
        raise SetupError(
            f"The folder {folder} cannot be used: {reason(e)}. Name another in REENACT_DATA."
        ) from e


def open_database(url: str | None, folder: Path) -> Database:
    """The database with all its tables, in a folder that is made where it is missing; raises SetupError."""
    make_folder(folder)
    database = Database(url, folder)
    database.prepare()
    return database


class Database:
    """Connections to one database, to be shared by all threads of a process."""

    def __init__(self, url: str | None, folder: Path) -> None:
        """Remember where; nothing is opened before the first use.

        Args:
            url: ``sqlite:///file`` or ``postgresql://user@host/name``; None means a file in ``folder``.
            folder: of the service's data.

        Raises:
            SetupError: the URL cannot be read or its driver is missing.
        """
        self.url = _parse(url) if url else URL.create("sqlite", database=str(folder.absolute() / FILE))
        self.is_file = self.url.get_backend_name() == "sqlite"
        arguments: dict[str, Any] = {"timeout": _LOCK_SECONDS} if self.is_file else {}
        # SQLite lets one write at a time; others sleep and look again, ever more seldom. In turn is sooner.
        self._turn: AbstractContextManager[object] = Lock() if self.is_file else nullcontext()
        try:
            self._engine = create_engine(
                self.url,
                connect_args=arguments,
                pool_size=20,
                max_overflow=20,
                pool_pre_ping=not self.is_file,
            )
        except (ArgumentError, ImportError) as e:
            raise SetupError(f"REENACT_DATABASE cannot be used: {e}") from e
        if self.is_file:
            event.listen(self._engine, "connect", _set_up_sqlite)
            event.listen(self._engine, "begin", _begin_sqlite)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that is committed at the end, and undone when the block raises."""
        with self._turn, self._engine.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Only looks; on SQLite it waits for nobody who writes, and each statement sees its own moment."""
        with self._engine.connect().execution_options(reading=True) as connection:
            yield connection

    def prepare(self) -> None:
        """Make what tables are missing; raises SetupError."""
        with self._usable(), self.write() as connection:
            if not self.is_file:
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_CREATING})"))
            METADATA.create_all(connection)
            version = connection.scalar(select(_versions.c.version))
            if version is None:
                connection.execute(insert(_versions).values(version=SCHEMA))
        self._check(version)

    def schema(self) -> int | None:
        """The schema of the tables, None where there are none yet; makes none; raises SetupError."""
        if self.is_file and not Path(self.url.database or "").exists():
            return None
        with self._usable(), self.read() as connection:
            there = inspect(connection).has_table(_versions.name)
            version = connection.scalar(select(_versions.c.version)) if there else None
        self._check(version)
        return version

    @contextmanager
    def _usable(self) -> Iterator[None]:
        """Turn what the driver says into a SetupError."""
        try:
            yield
        except SQLAlchemyError as e:
            why = "its disk is full; make room on it" if is_full(e) else str(getattr(e, "orig", e)).strip()
            raise SetupError(f"The database {self.url!r} cannot be used: {why}.") from e

    def _check(self, version: int | None) -> None:
        if version not in (None, SCHEMA):
            raise SetupError(
                f"The database {self.url!r} has schema {version}, this version of Reenact needs {SCHEMA}. "
                "Name another in REENACT_DATABASE, or run the version that made it."
            )

    def tidy(self) -> None:
        """Drop from SQLite's journal what was changed, so that deleted texts do not stay on the disk."""
        if self.is_file:
            with self._engine.connect().execution_options(reading=True) as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close all connections; a later use opens new ones."""
        self._engine.dispose()


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as e:
        raise SetupError(
            "REENACT_DATABASE must be like sqlite:///file or postgresql://user@host/name."
        ) from e
    if parsed.drivername in ("postgres", "postgresql"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise SetupError(f"REENACT_DATABASE names {parsed.drivername!r}; it must be sqlite or postgresql.")
    return parsed


def _set_up_sqlite(connection: Any, record: object) -> None:
    """WAL, so that nobody who reads waits for one who writes; transactions begin where we say so."""
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA secure_delete=ON")  # what is deleted is overwritten


def _begin_sqlite(connection: Connection) -> None:
    """One who will write takes the lock at once: taking it later can fail in the middle."""
    if not connection.get_execution_options().get("reading"):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
