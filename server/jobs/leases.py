"""The queries of an attempt at a job, from its claim to its end.

A running job is held by a lease. Only its holder may change the job, until the lease is reclaimed. So an
attempt that has lost its lease can neither end the job nor replace its result. Leases expire by the
database's clock, so that the clocks of the machines do not matter.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from threading import Event
from typing import Any

from sqlalchemy import ColumnElement, bindparam, func, select, true, update
from sqlalchemy.exc import SQLAlchemyError

from server.database.clock import now
from server.database.database import Database
from server.database.outage import driver_message, is_unreachable, retry_until_answered
from server.jobs.fairness import QUEUE, queue_parameters
from server.jobs.job import Failure, Job, Outcome, Status
from server.jobs.kinds import KINDS, Kind
from server.jobs.order import VERSION
from server.jobs.table import is_understood, job_from_row, jobs, to_json

log = logging.getLogger(__name__)
_CLAIM_LOCK = 7_263_003  # of PostgreSQL's lock, see ``Database.take_lock``
_NEXT = (
    select(QUEUE.c.id, jobs.c.order)
    .join(jobs, jobs.c.id == QUEUE.c.id)
    .where((QUEUE.c.round <= bindparam("at_once")) & QUEUE.c.kind.in_(bindparam("kinds", expanding=True)))
    .order_by(QUEUE.c.round, QUEUE.c.last, jobs.c.seq)
    .limit(1)
)


@dataclass(frozen=True)
class Claim:
    """A job and the lease of the attempt that runs it."""

    job: Job
    lease: str

    @property
    def result(self) -> str:
        """The unguessable name of this attempt's result."""
        return f"{self.lease}.{self.job.order.format}"


class Leases:
    """The leases of the jobs in one database."""

    def __init__(self, database: Database) -> None:
        """Only remembers the database."""
        self.database = database
        self._given_up = Event()

    def stop_waiting(self) -> None:
        """From now on, do not wait for an unreachable database."""
        self._given_up.set()

    def claim(self, seconds: float, at_once: int = 10_000, kinds: Collection[Kind] = KINDS) -> Claim | None:
        """Start the next job of these kinds, of an owner with fewer running than ``at_once``.

        Returns None if there is none. Jobs of other kinds, and orders that this release does not understand,
        are left to others.
        """
        try:
            return self._claim(seconds, at_once, kinds)
        except SQLAlchemyError as e:
            if not is_unreachable(e):
                raise
            log.warning("The database cannot be reached, so no job is started: %s", driver_message(e))
            return None

    def _claim(self, seconds: float, at_once: int, kinds: Collection[Kind]) -> Claim | None:
        lease = secrets.token_urlsafe(32)
        begun = changed_values(
            status="running",
            started=now(),
            frames_done=0,
            attempts=jobs.c.attempts + 1,
            lease=lease,
            lease_until=now() + seconds,
        )
        with self.database.write() as connection:
            self.database.take_lock(
                connection, _CLAIM_LOCK
            )  # otherwise two workers could exceed an owner's limit
            asked = queue_parameters(VERSION, at_once=at_once, kinds=list(kinds))
            while row := connection.execute(_NEXT, asked).first():
                free = (jobs.c.id == row.id) & (jobs.c.status == "queued")
                values = begun if is_understood(row.order) else {"order_version": VERSION + 1}
                taken = connection.execute(update(jobs).where(free).values(values).returning(jobs))
                if (found := taken.mappings().first()) and values is begun:
                    return Claim(job_from_row(found), lease)
        return None

    def progress(self, lease: str, done: int, total: int, seconds: float) -> bool:
        """Record the progress of an attempt and renew its lease; False if the lease is lost."""
        return self._change(
            lease, changed_values(frames_done=done, frames_total=total, lease_until=now() + seconds)
        )

    def lease_is_held(self, lease: str) -> bool:
        """Whether the attempt still holds this lease; waits for the database."""
        return retry_until_answered(lambda again: self._exists(_held(lease)), self._given_up)

    def lease_is_held_now(self, lease: str) -> bool:
        """The same, but raises the driver's error if the database is unreachable."""
        return self._exists(_held(lease))

    def renew(self, leases: list[str], seconds: float) -> None:
        """Renew the leases that are still held."""
        held = jobs.c.lease.in_(leases) & (jobs.c.status == "running")
        with self.database.write() as connection:
            connection.execute(update(jobs).where(held).values(lease_until=now() + seconds))

    def succeed(self, lease: str, outcome: Outcome) -> bool:
        """Record success; False if the lease is lost, and the result must then be deleted.

        This and the other ends of an attempt wait for an unreachable database.
        """
        done = {"frames_done": outcome.frames, "frames_total": outcome.frames, "outcome": to_json(outcome)}
        return self._end(lease, end_values("succeeded") | done)

    def fail(self, lease: str, status: Status, failure: Failure) -> bool:
        """Record failure; False if the lease is lost."""
        return self._end(lease, end_values(status) | {"failure": to_json(failure)})

    def release(self, lease: str, counted: bool) -> bool:
        """Put a job back in the queue; False if the lease is lost.

        Args:
            lease: of the attempt.
            counted: whether the attempt counts as one that failed.
        """
        return self._end(lease, _requeue_values() | ({} if counted else {"attempts": jobs.c.attempts - 1}))

    def expired_leases(self) -> set[str]:
        """The leases that have expired."""
        with self.database.read() as connection:
            return set(connection.scalars(select(jobs.c.lease).where(_EXPIRED)))

    def reclaim(self, leases: Collection[str] | None, attempts: int, failure: Failure) -> list[Claim]:
        """Reclaim expired leases; a job goes back to the queue, or fails if it was tried too often.

        Args:
            leases: those of them that were not renewed; None reclaims all leases, expired or not.
            attempts: how often a job may be started.
            failure: for jobs that were started that often.

        Returns:
            The claims that are over, with their jobs as they are now.
        """
        running = jobs.c.status == "running"
        dead = running & (_EXPIRED & jobs.c.lease.in_(leases) if leases is not None else true())
        reclaimed = []
        with self.database.write() as connection:
            for row in connection.execute(select(jobs).where(dead).with_for_update()).mappings().all():
                given_up = row["attempts"] >= attempts
                failed = end_values("failed") | {"failure": to_json(failure), "lease": None}
                values = failed if given_up else _requeue_values()
                mine = (jobs.c.id == row["id"]) & (jobs.c.lease == row["lease"])
                after = connection.execute(update(jobs).where(mine).values(values).returning(jobs))
                reclaimed += [Claim(job_from_row(each), row["lease"]) for each in after.mappings()]
        return reclaimed

    def count_newer_orders(self) -> int:
        """How many jobs wait for a release that understands their orders."""
        with self.database.read() as connection:
            return connection.scalar(select(func.count()).where(_NEWER)) or 0

    def fail_newer_orders(self, failure: Failure) -> list[Job]:
        """Fail the jobs that wait for such a release; return them."""
        with self.database.write() as connection:
            values = end_values("failed") | {"failure": to_json(failure)}
            rows = connection.execute(update(jobs).where(_NEWER).values(values).returning(jobs))
            return [job_from_row(row) for row in rows.mappings()]

    def _change(self, lease: str, values: dict[str, Any]) -> bool:
        """Change the job of a lease; False if it is lost."""
        with self.database.write() as connection:
            return connection.execute(update(jobs).where(_held(lease)).values(values)).rowcount == 1

    def _end(self, lease: str, values: dict[str, Any]) -> bool:
        """The same at the end of an attempt. An earlier try may have succeeded although no answer came."""
        same_end = (jobs.c.lease == lease) & (jobs.c.status == values["status"])
        return retry_until_answered(
            lambda again: self._change(lease, values) or (again and self._exists(same_end)), self._given_up
        )

    def _exists(self, where: ColumnElement[bool]) -> bool:
        with self.database.read() as connection:
            return connection.scalar(select(jobs.c.id).where(where)) is not None


_NEWER = (jobs.c.status == "queued") & ((jobs.c.order_version > VERSION) | jobs.c.kind.not_in(KINDS))
_EXPIRED = (jobs.c.status == "running") & (jobs.c.lease_until < now())


def _held(lease: str) -> ColumnElement[bool]:
    return (jobs.c.lease == lease) & (jobs.c.status == "running")


def changed_values(**values: Any) -> dict[str, Any]:
    """New values of a job's row, with a new version, which waiting clients see."""
    return {**values, "version": jobs.c.version + 1}


def end_values(status: Status) -> dict[str, Any]:
    """The values of a job that ends now. Its lease stays, to show which attempt ended it."""
    return changed_values(status=status, ended=now(), lease_until=None)


def _requeue_values() -> dict[str, Any]:
    return changed_values(status="queued", frames_done=0, lease=None, lease_until=None)
