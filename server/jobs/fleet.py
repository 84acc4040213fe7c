"""Which workers live, and which kinds of work they take."""

from __future__ import annotations

import logging
import secrets
import time
from collections import Counter
from collections.abc import Collection
from threading import Lock

from sqlalchemy import Column, Double, String, Table, Text, delete, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from server.database.clock import now
from server.database.database import METADATA, Database
from server.database.outage import driver_message
from server.jobs.kinds import KINDS, Kind

log = logging.getLogger(__name__)
BEAT_SECONDS = 5.0  # seconds between two signs of life
ALIVE_SECONDS = 20.0  # seconds without one after which a worker counts as dead

workers = Table(
    "workers",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("kinds", Text, nullable=False),  # separated by commas
    Column("seen", Double, nullable=False),
)


class Fleet:
    """The workers that share a database, perhaps this process too. Any thread may call all methods."""

    def __init__(self, database: Database, kinds: Collection[Kind], single_process: bool) -> None:
        """Write nothing yet.

        Args:
            database: has the table.
            kinds: that this process takes; none if it runs no jobs.
            single_process: whether no other process uses the database, so that nothing need be written.
        """
        self._database, self.kinds, self._single_process = database, kinds, single_process
        self._id, self._due, self._lock = secrets.token_hex(16), 0.0, Lock()
        self._unserved: set[Kind] = set()  # when it was looked last

    def beat(self) -> None:
        """Record that this worker lives, and forget those that do not; to be called every few seconds."""
        if self._single_process or not self.kinds:
            return
        with self._lock:
            if time.monotonic() >= self._due:
                self._record()
                self._due = time.monotonic() + BEAT_SECONDS

    def leave(self) -> None:
        """Record that this worker has stopped. If that fails, it counts as dead a little later."""
        if not self._due:
            return
        try:
            with self._database.write() as connection:
                connection.execute(delete(workers).where(workers.c.id == self._id))
        except SQLAlchemyError as e:
            log.warning("The end of this worker could not be recorded: %s", driver_message(e))

    def workers(self) -> Counter[Kind]:
        """How many processes take each kind."""
        if self._single_process:
            return Counter(self.kinds)
        with self._database.read() as connection:
            alive = workers.c.seen >= now() - ALIVE_SECONDS
            found = connection.scalars(select(workers.c.kinds).where(alive)).all()
        return Counter(kind for kinds in found for kind in kinds.split(","))

    def report_unserved(self, queued: Collection[Kind]) -> None:
        """Log which of the queued kinds no worker takes, when that begins."""
        unserved = (set(queued) & set(KINDS)) - self.workers().keys() if queued else set()
        for kind in sorted(unserved - self._unserved):
            log.warning("Jobs of the kind %r wait, and no worker takes them", kind)
        self._unserved = unserved

    def _record(self) -> None:
        alive = {"kinds": ",".join(self.kinds), "seen": now()}
        mine = workers.c.id == self._id
        with self._database.write() as connection:
            if not connection.execute(update(workers).where(mine).values(alive)).rowcount:
                connection.execute(insert(workers).values(id=self._id, **alive))
            connection.execute(delete(workers).where(workers.c.seen < now() - ALIVE_SECONDS))
