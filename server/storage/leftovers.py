"""Deletions that failed while the bucket was unreachable, recorded in the database until they are done."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Column, ColumnElement, Double, String, Table, delete, insert, select
from sqlalchemy.exc import IntegrityError

from server.database.database import METADATA, Database

Kind = Literal["result", "place", "rest"]
leftovers = Table(
    "leftovers",
    METADATA,
    Column("kind", String(8), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("keep", String(64), nullable=False),
    Column("tried", Double, nullable=False),
)


@dataclass(frozen=True)
class Leftover:
    """A thing to delete."""

    kind: Kind  # a result, an upload folder, or all of a folder but one file
    name: str  # of the result or the folder
    keep: str = ""  # the file that is kept


class Leftovers:
    """The table of them in one database."""

    def __init__(self, database: Database) -> None:
        """Only remembers the database."""
        self._database = database

    def add(self, leftover: Leftover) -> None:
        """Record one; if it is recorded already, move it to the end of the list."""
        row = {"kind": leftover.kind, "name": leftover.name, "keep": leftover.keep, "tried": time.time()}
        with suppress(IntegrityError), self._database.write() as connection:  # another process added it
            connection.execute(delete(leftovers).where(_is(leftover)))
            connection.execute(insert(leftovers), row)

    def remove(self, leftover: Leftover) -> None:
        """Remove one that was deleted."""
        with self._database.write() as connection:
            connection.execute(delete(leftovers).where(_is(leftover)))

    def all(self) -> list[Leftover]:
        """All of them, the one that was tried longest ago first."""
        with self._database.read() as connection:
            rows = connection.execute(select(leftovers).order_by(leftovers.c.tried)).mappings()
            return [Leftover(row["kind"], row["name"], row["keep"]) for row in rows]

    def has(self, leftover: Leftover) -> bool:
        """Whether this is recorded."""
        with self._database.read() as connection:
            return connection.scalar(select(leftovers.c.name).where(_is(leftover))) is not None


def _is(leftover: Leftover) -> ColumnElement[bool]:
    return (leftovers.c.kind == leftover.kind) & (leftovers.c.name == leftover.name)
