"""What is asked of the table of jobs: each method is one transaction.

A job that runs is held by a lease: only its holder may change the job, and only until the lease is taken. So
an attempt that lost its lease can neither end the job nor put anything in the place of its result.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, case, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from server.database import Database
from server.errors import IdempotencyConflict, NotFound
from server.jobs.fairness import QUEUE, at
from server.jobs.job import ENDED, STATUSES, Beside, Failure, Idempotency, Job, Outcome, Status
from server.jobs.table import job_of, jobs, plain

DAY = 86400.0
REMEMBERED = 20  # jobs whose duration makes the estimate
_NOT_ENDED = jobs.c.status.in_(("queued", "running"))
_KEPT = (jobs.c.status == "succeeded") & jobs.c.order["keep"].as_boolean()
# What is asked most often, made once.
_PLACE = select(QUEUE.c.position).where(QUEUE.c.id == jobs.c.id).scalar_subquery()
_POSITION = case((jobs.c.status == "queued", _PLACE)).label("position")  # nobody else's costs anything
_JOB = select(jobs, _POSITION).where(jobs.c.id == bindparam("id"))
_OWN_JOB = _JOB.where(jobs.c.owner == bindparam("owner"))
_NEXT = select(QUEUE.c.id).where(QUEUE.c.round <= bindparam("at_once")).order_by(QUEUE.c.position).limit(1)
_LOAD = select(
    select(func.count()).where(jobs.c.status == "queued").scalar_subquery(),
    select(func.count()).where((jobs.c.owner == bindparam("owner")) & _NOT_ENDED).scalar_subquery(),
)
_TAKEN = (
    select((jobs.c.ended - jobs.c.started).label("seconds"))
    .where(jobs.c.status == "succeeded")
    .order_by(jobs.c.seq.desc())
    .limit(REMEMBERED)
    .subquery()
)
_DURATIONS = select(
    select(func.avg(_TAKEN.c.seconds)).scalar_subquery(),
    select(func.min(jobs.c.started)).where(jobs.c.status == "running").scalar_subquery(),
)
_UNKNOWN = "There is no such animation; it may have been deleted or forgotten."


@dataclass(frozen=True)
class Claim:
    """A job and the lease of the attempt that does it."""

    job: Job
    lease: str

    @property
    def result(self) -> str:
        """The unguessable name of this attempt's result."""
        return f"{self.lease}.{self.job.order.format}"


class Records:
    """The table of jobs in one database."""

    def __init__(self, database: Database) -> None:
        """Only remembers the database."""
        self.database = database

    def insert(self, job: Job, idempotency: Idempotency | None, *beside: Beside) -> bool:
        """Add a queued job; False where its owner has used the idempotency key before.

        Args:
            job: the new one.
            idempotency: its key, if it has one.
            beside: are called in the same transaction; where one raises, nothing is added.
        """
        row = {
            **{name: getattr(job, name) for name in ("id", "status", "created", "frames_total", "webhook")},
            "owner": job.owner or "",
            "place": job.order.place,
            "order": plain(job.order),
            "metadata": job.metadata,
            "webhook_due": 0.0 if job.webhook else None,
            "idempotency_key": idempotency.key if idempotency else None,
            "idempotency_digest": idempotency.digest if idempotency else None,
        }
        try:
            with self.database.write() as connection:
                if idempotency:  # a key is free again after a day
                    old = _mine(job.owner) & _keyed(idempotency) & (jobs.c.created < job.created - DAY)
                    connection.execute(update(jobs).where(old).values(idempotency_key=None))
                connection.execute(insert(jobs), row)  # not .values(): that is compiled each time
                for each in beside:
                    each(connection, job.id)
        except IntegrityError:
            if idempotency is None:  # or else the caller would try for ever
                raise
            return False
        return True

    def used(self, owner: str | None, key: str) -> bool:
        """Whether a job of this owner has this idempotency key."""
        with self.database.read() as connection:
            found = select(jobs.c.id).where(_mine(owner) & (jobs.c.idempotency_key == key))
            return connection.scalar(found) is not None

    def repeated(self, owner: str | None, idempotency: Idempotency) -> Job | None:
        """The job that this key made within the last day; raises IdempotencyConflict."""
        recent = _mine(owner) & _keyed(idempotency) & (jobs.c.created >= time.time() - DAY)
        with self.database.read() as connection:
            row = connection.execute(select(jobs).where(recent)).mappings().first()
        if row and row["idempotency_digest"] != idempotency.digest:
            raise IdempotencyConflict(
                "This Idempotency-Key was sent before with another order. Use a new key for a new order."
            )
        return self.get(row["id"], None) if row else None

    def get(self, id: str, owner: str | None) -> Job:
        """One job with its place in the queue; raises NotFound."""
        with self.database.read() as connection:
            chosen, whose = (_JOB, {}) if owner is None else (_OWN_JOB, {"owner": owner})
            row = connection.execute(chosen, at(time.time(), id=id, **whose)).mappings().first()
            if row is None:
                raise NotFound(_UNKNOWN)
            return job_of(row, row["position"])

    def page(self, owner: str | None, before: int | None, limit: int) -> list[Job]:
        """Jobs below a cursor, newest first."""
        chosen = select(jobs, QUEUE.c.position).outerjoin(QUEUE, QUEUE.c.id == jobs.c.id)
        if owner is not None:
            chosen = chosen.where(_mine(owner))
        if before is not None:
            chosen = chosen.where(jobs.c.seq < before)
        with self.database.read() as connection:
            chosen = chosen.order_by(jobs.c.seq.desc()).limit(limit)
            rows = connection.execute(chosen, at(time.time())).mappings()
            return [job_of(row, row["position"]) for row in rows]

    def counts(self) -> dict[Status, int]:
        """How many jobs have each status."""
        grouped = select(jobs.c.status, func.count()).group_by(jobs.c.status)
        with self.database.read() as connection:
            found = {status: count for status, count in connection.execute(grouped)}
        return {status: found.get(status, 0) for status in STATUSES}

    def waiting_since(self) -> float | None:
        """When the oldest job that waits was ordered; None where none waits."""
        with self.database.read() as connection:
            waiting = select(func.min(jobs.c.created)).where(jobs.c.status == "queued")
            since: float | None = connection.scalar(waiting)
        return since

    def load(self, owner: str | None, connection: Connection | None = None) -> tuple[int, int]:
        """How many jobs wait, and how many of an owner have not ended; in a transaction if one is given."""
        if connection is None:
            with self.database.read() as connection:
                return self.load(owner, connection)
        waiting, unfinished = connection.execute(_LOAD, {"owner": owner or ""}).one()
        return waiting, unfinished

    def places(self) -> set[str]:
        """The places of the jobs that have not ended, and of those whose selfie is kept."""
        with self.database.read() as connection:
            return set(connection.scalars(select(jobs.c.place).where(_NOT_ENDED | _KEPT)))

    def lapsed(self, before: float) -> set[str]:
        """The places of selfies that were kept for jobs that ended before this time."""
        with self.database.read() as connection:
            return set(connection.scalars(select(jobs.c.place).where(_KEPT & (jobs.c.ended < before))))

    def durations(self) -> tuple[float | None, float | None]:
        """Mean seconds of the last jobs that succeeded, and when the oldest that runs was begun."""
        with self.database.read() as connection:
            mean, oldest = connection.execute(_DURATIONS).one()
        return mean, oldest

    def claim(self, seconds: float, at_once: int = 10_000) -> Claim | None:
        """Begin the job whose turn it is, of an owner with fewer running than ``at_once``; or None."""
        while True:
            lease, now = secrets.token_urlsafe(32), time.time()
            begun = _changes(
                status="running",
                started=now,
                frames_done=0,
                attempts=jobs.c.attempts + 1,
                lease=lease,
                lease_until=now + seconds,
            )
            with self.database.write() as connection:
                id = connection.scalar(_NEXT, at(now, at_once=at_once))
                if id is None:
                    return None
                free = (jobs.c.id == id) & (jobs.c.status == "queued")
                row = (
                    connection.execute(update(jobs).where(free).values(begun).returning(jobs))
                    .mappings()
                    .first()
                )
            if row is not None:  # else another process was faster: look again
                return Claim(job_of(row), lease)

    def progress(self, lease: str, done: int, total: int, seconds: float) -> bool:
        """Note how far an attempt is and renew its lease; False where the lease is lost."""
        far = _changes(frames_done=done, frames_total=total, lease_until=time.time() + seconds)
        return self._change(lease, far)

    def holds(self, lease: str) -> bool:
        """Whether the job of a lease is still that attempt's to do."""
        with self.database.read() as connection:
            return connection.scalar(select(jobs.c.id).where(_held(lease))) is not None

    def renew(self, leases: list[str], seconds: float) -> None:
        """Renew the leases that are still held."""
        held = jobs.c.lease.in_(leases) & (jobs.c.status == "running")
        with self.database.write() as connection:
            connection.execute(update(jobs).where(held).values(lease_until=time.time() + seconds))

    def succeed(self, lease: str, outcome: Outcome) -> bool:
        """End a job well; False where the lease is lost, and the outcome then belongs to nobody."""
        done = {"frames_done": outcome.frames, "frames_total": outcome.frames, "outcome": plain(outcome)}
        return self._change(lease, _ended("succeeded") | done)

    def fail(self, lease: str, status: Status, failure: Failure) -> bool:
        """End a job badly; False where the lease is lost."""
        return self._change(lease, _ended(status) | {"failure": plain(failure)})

    def release(self, lease: str, counted: bool) -> bool:
        """Put a job back in the queue; False where the lease is lost.

        Args:
            lease: of the attempt.
            counted: whether the attempt counts as one that failed.
        """
        return self._change(lease, _queued() | ({} if counted else {"attempts": jobs.c.attempts - 1}))

    def reap(self, now: float, attempts: int, failure: Failure) -> list[Claim]:
        """Take the leases that ran out; a job goes back to the queue, or fails when it was tried too often.

        Args:
            now: leases that ended before this time; infinity takes all.
            attempts: how often a job may be begun.
            failure: of the jobs that were begun as often.

        Returns:
            The attempts that are over, with their jobs as they are now.
        """
        dead = (jobs.c.status == "running") & (jobs.c.lease_until < now)
        reaped = []
        with self.database.write() as connection:
            for row in connection.execute(select(jobs).where(dead).with_for_update()).mappings().all():
                given_up = row["attempts"] >= attempts
                values = _ended("failed") | {"failure": plain(failure)} if given_up else _queued()
                mine = (jobs.c.id == row["id"]) & (jobs.c.lease == row["lease"])
                after = connection.execute(update(jobs).where(mine).values(values).returning(jobs))
                reaped += [Claim(job_of(each), row["lease"]) for each in after.mappings()]
        return reaped

    def cancel(self, id: str, owner: str | None) -> Job:
        """End a job that has not ended and clear what is personal; the job as it was; raises NotFound."""
        with self.database.write() as connection:
            found = connection.execute(select(jobs).where(_known(id, owner)).with_for_update())
            row = found.mappings().first()
            if row is None:
                raise NotFound(_UNKNOWN)
            values = _changes(outcome=None, metadata=None)
            if row["status"] not in ENDED:
                values |= _ended("cancelled")
            connection.execute(update(jobs).where(jobs.c.id == id).values(values))
        return job_of(row)

    def forget(self, before: float) -> int:
        """Drop jobs that ended before this time, unless an idempotency key may still ask for them."""
        asked = jobs.c.idempotency_key.is_not(None) & (jobs.c.created >= time.time() - DAY)
        with self.database.write() as connection:
            return connection.execute(delete(jobs).where((jobs.c.ended < before) & ~asked)).rowcount

    def _change(self, lease: str, values: dict[str, Any]) -> bool:
        """Change the job of a lease; False where it is lost."""
        with self.database.write() as connection:
            return connection.execute(update(jobs).where(_held(lease)).values(values)).rowcount == 1


def _held(lease: str) -> ColumnElement[bool]:
    return (jobs.c.lease == lease) & (jobs.c.status == "running")


def _mine(owner: str | None) -> ColumnElement[bool]:
    return jobs.c.owner == (owner or "")


def _keyed(idempotency: Idempotency) -> ColumnElement[bool]:
    return jobs.c.idempotency_key == idempotency.key


def _known(id: str, owner: str | None) -> ColumnElement[bool]:
    return jobs.c.id == id if owner is None else (jobs.c.id == id) & _mine(owner)


def _changes(**values: Any) -> dict[str, Any]:
    return {**values, "version": jobs.c.version + 1}


def _ended(status: Status) -> dict[str, Any]:
    return _changes(status=status, ended=time.time(), lease=None, lease_until=None)


def _queued() -> dict[str, Any]:
    return _changes(status="queued", frames_done=0, lease=None, lease_until=None)
