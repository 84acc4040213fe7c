"""The database: SQLite beside the files by default, PostgreSQL by URL.

Packages that keep records add their tables to ``METADATA``, and for each change a revision to
``server.database.migrations``. Every process brings the database up to date at its start; one that a newer
release has changed is refused instead of being read wrongly.
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
    func,
    inspect,
    select,
    text,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from reenact.errors import SetupError
from reenact.os_errors import reason
from server.database import migrations
from server.database.outage import OutageGuard
from server.disk import is_full

METADATA = MetaData()
FILE = "reenact.db"
_POOL_SECONDS = 5  # how long a thread waits for a connection, of which there are more than threads
_CHANGE_SECONDS = 600.0  # that bringing a table up to date may take
_LOCK_SECONDS = 30  # how long a process waits for another that writes to the same SQLite file
_MIGRATION_LOCK = (
    7_263_001  # any number, the same in every process: PostgreSQL's lock while tables are changed
)
# What the first release, before Alembic, knows a database by.
_versions = Table("schema_version", METADATA, Column("version", Integer, primary_key=True))
_FIRST = (1, 2)  # of its own making, and made unreadable to it by our second revision


def make_folder(folder: Path) -> None:
    """Make the data folder, readable by its owner only; raises SetupError."""
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
    try:
        database.prepare()
    except SetupError:
        database.close()
        raise
    return database


class Database:
    """Connections to one database, to be shared by all threads of a process."""

    def __init__(self, url: str | None, folder: Path) -> None:
        """Open nothing before the first use.

        Args:
            url: ``sqlite:///file`` or ``postgresql://user@host/name``; None means a file in ``folder``.
            folder: of the service's data.

        Raises:
            SetupError: the URL cannot be read or its driver is missing.
        """
        self.url = _parse(url) if url else URL.create("sqlite", database=str(folder.absolute() / FILE))
        self.is_file = self.url.get_backend_name() == "sqlite"
        arguments: dict[str, Any] = {"timeout": _LOCK_SECONDS} if self.is_file else {}
        self._guard = OutageGuard()
        # SQLite has one writer at a time; others sleep longer and longer between tries. A lock is faster.
        self._write_lock: AbstractContextManager[object] = Lock() if self.is_file else nullcontext()
        try:
            self._engine = create_engine(
                self.url,
                connect_args=arguments,
                pool_size=20,
                max_overflow=20,
                pool_timeout=_POOL_SECONDS,
                pool_pre_ping=not self.is_file,
            )
        except (ArgumentError, ImportError) as e:
            raise SetupError(f"REENACT_DATABASE cannot be used: {e}") from e
        if self.is_file:
            event.listen(self._engine, "connect", _set_up_sqlite)
            event.listen(self._engine, "begin", _begin_sqlite)
        else:
            from server.database.postgres import connect

            event.listen(self._engine, "do_connect", connect)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that is committed at the end, and undone when the block raises."""
        with self._guard.ask(), self._write_lock, self._engine.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A read-only connection; on SQLite it waits for no writer, and each statement sees its own state."""
        with self._guard.ask(), self._engine.connect().execution_options(reading=True) as connection:
            yield connection

    @property
    def unresponsive(self) -> bool:
        """Whether PostgreSQL does not answer."""
        return not self.is_file and self._guard.unresponsive

    def take_lock(self, connection: Connection, number: int) -> None:
        """Take an advisory lock until the end of the transaction.

        SQLite has one writer at a time anyway.
        """
        if not self.is_file:
            connection.execute(select(func.pg_advisory_xact_lock(number)))

    def prepare(self) -> None:
        """Bring the tables up to date; raises SetupError."""
        with self._setup_errors(), self.write() as connection:
            with self._without_timeout(connection):
                self.take_lock(connection, _MIGRATION_LOCK)
                self._revision(connection)
                migrations.upgrade(connection)

    def schema(self) -> str | None:
        """The revision of the tables, None where there are none yet; changes nothing; raises SetupError."""
        if self.is_file and not Path(self.url.database or "").exists():
            return None
        with self._setup_errors(), self.read() as connection:
            return self._revision(connection)

    @contextmanager
    def _without_timeout(self, connection: Connection) -> Iterator[None]:
        """Suspend the time limit for answers, since changing a large table takes long."""
        if self.is_file:
            yield
            return
        asked: Any = connection.connection.driver_connection
        asked.seconds = _CHANGE_SECONDS
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        try:
            yield
        finally:
            del asked.seconds

    @contextmanager
    def _setup_errors(self) -> Iterator[None]:
        """Translate the driver's errors into SetupError."""
        try:
            yield
        except SQLAlchemyError as e:
            why = "its disk is full; free some space" if is_full(e) else str(getattr(e, "orig", e)).strip()
            raise SetupError(f"The database {self.url!r} cannot be used: {why}.") from e

    def _revision(self, connection: Connection) -> str | None:
        """The last revision that the tables have, None where there are none; raises SetupError."""
        revision = migrations.current(connection)
        known = revision is None or revision in migrations.known()
        if revision is None and inspect(connection).has_table(_versions.name):
            count = connection.scalar(select(_versions.c.version))
            known, revision = count in (None, *_FIRST), f"{count or 1:04}"
        if not known:
            raise SetupError(
                f"The database {self.url!r} has schema {revision}, which this version of Reenact does not "
                "know: a newer one made it. Run that, or name another in REENACT_DATABASE."
            )
        return revision

    def truncate_journal(self) -> None:
        """Truncate SQLite's journal, so that deleted texts do not stay on the disk."""
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
            "REENACT_DATABASE must look like sqlite:///file or postgresql://user@host/name."
        ) from e
    if parsed.drivername in ("postgres", "postgresql"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise SetupError(f"REENACT_DATABASE names {parsed.drivername!r}; it must be sqlite or postgresql.")
    return parsed


def _set_up_sqlite(connection: Any, record: object) -> None:
    """WAL, so that readers do not wait for writers; transactions begin explicitly."""
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA secure_delete=ON")  # what is deleted is overwritten


def _begin_sqlite(connection: Connection) -> None:
    """A writer takes the lock at once: taking it later can fail in the middle."""
    if not connection.get_execution_options().get("reading"):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
