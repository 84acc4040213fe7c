"""The queries of the table of jobs: each method is one transaction."""

from __future__ import annotations

import time

from sqlalchemy import ColumnElement, Connection, bindparam, case, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from server.database.clock import now
from server.database.outage import PAUSE, is_unreachable
from server.errors import IdempotencyConflict, NotFound, SubmissionUncertain
from server.jobs.fairness import QUEUE, queue_parameters
from server.jobs.job import ENDED, STATUSES, ExtraWrite, Idempotency, Job, Status
from server.jobs.kinds import KINDS, Kind, kind_of
from server.jobs.leases import Leases, changed_values, end_values
from server.jobs.order import VERSION
from server.jobs.table import job_from_row, jobs, to_json

DAY = 86400.0
_INSERT_LOCK = 7_263_002  # of PostgreSQL's lock, see ``Database.take_lock``
SETTLE_SECONDS = 5.0  # seconds that a lost database may take to come back and say what it has added
JOBS_AVERAGED = 20  # jobs whose mean duration is the estimate
_NOT_ENDED = jobs.c.status.in_(("queued", "running"))
_SELFIE_KEPT = (jobs.c.status == "succeeded") & jobs.c.order["keep"].as_boolean()
# The most frequent queries, made once.
_QUEUE_POSITION = select(QUEUE.c.position).where(QUEUE.c.id == jobs.c.id).scalar_subquery()
_POSITION = case((jobs.c.status == "queued", _QUEUE_POSITION)).label(
    "position"
)  # nobody else's costs anything
_JOB = select(jobs, _POSITION).where(jobs.c.id == bindparam("id"))
_OWN_JOB = _JOB.where(jobs.c.owner == bindparam("owner"))
_INSERT = insert(jobs).values(created=now())
_QUEUED = select(jobs.c.kind, func.count()).where(jobs.c.status == "queued").group_by(jobs.c.kind)
_UNFINISHED = select(func.count()).where((jobs.c.owner == bindparam("owner")) & _NOT_ENDED)
_TAKEN = (
    select((jobs.c.ended - jobs.c.started).label("seconds"))
    .where(jobs.c.status == "succeeded")
    .order_by(jobs.c.seq.desc())
    .limit(JOBS_AVERAGED)
    .subquery()
)
_DURATIONS = select(
    select(func.avg(_TAKEN.c.seconds)).scalar_subquery(),
    select(now() - func.min(jobs.c.started)).where(jobs.c.status == "running").scalar_subquery(),
)
_NOT_FOUND = "There is no such animation. It may have been deleted or have expired."


class JobRepository(Leases):
    """The table of jobs in one database."""

    def insert(self, job: Job, idempotency: Idempotency | None, *extra_writes: ExtraWrite) -> Job | None:
        """Add a queued job and return it; None if its owner has used the key before.

        Args:
            job: the new one; the database sets its time of creation.
            idempotency: its key, if it has one.
            extra_writes: are called in the same transaction; if one raises, nothing is added.

        Raises:
            SubmissionUncertain: the connection was lost, and it is unknown whether the job was added.
        """
        row = {
            **{name: getattr(job, name) for name in ("id", "status", "frames_total", "webhook")},
            "owner": job.owner or "",
            "place": job.order.upload_folder,
            "order": to_json(job.order),
            "order_version": VERSION,
            "kind": kind_of(job.order),
            "metadata": job.metadata,
            "webhook_due": 0.0 if job.webhook else None,
            "idempotency_key": idempotency.key if idempotency else None,
            "idempotency_digest": idempotency.digest if idempotency else None,
        }
        written = False
        try:
            with self.database.write() as connection:
                self.database.take_lock(connection, _INSERT_LOCK)
                if idempotency:  # a key is free again after a day
                    old = _owned_by(job.owner) & _has_key(idempotency) & (jobs.c.created < now() - DAY)
                    connection.execute(update(jobs).where(old).values(idempotency_key=None))
                connection.execute(_INSERT, row)
                for each in extra_writes:
                    each(connection, job.id)
                added = connection.execute(_JOB, queue_parameters(id=job.id)).mappings().one()
                written = True
        except IntegrityError:
            if idempotency is None:  # or else the caller would try for ever
                raise
            return None
        except SQLAlchemyError as e:
            if written and is_unreachable(e):  # while it was to be made lasting
                return self._inserted_after_outage(job.id, e)
            raise
        return job_from_row(added, added["position"])

    def _inserted_after_outage(self, id: str, lost: SQLAlchemyError) -> Job:
        """The job, if it was added although no answer came.

        Its transaction may still be open and then holds the lock: whoever gets the lock next knows.

        Raises:
            SQLAlchemyError: ``lost``; it was not added.
            SubmissionUncertain: the database does not say.
        """
        deadline = time.monotonic() + SETTLE_SECONDS
        while True:
            try:
                with self.database.write() as connection:
                    self.database.take_lock(connection, _INSERT_LOCK)
                    row = connection.execute(_JOB, queue_parameters(id=id)).mappings().first()
            except SQLAlchemyError as e:
                if not is_unreachable(e) or time.monotonic() > deadline:
                    raise SubmissionUncertain from e
                time.sleep(PAUSE)
                continue
            if row is None:
                raise lost
            return job_from_row(row, row["position"])

    def key_was_used(self, owner: str | None, key: str) -> bool:
        """Whether a job of this owner has this idempotency key."""
        with self.database.read() as connection:
            found = select(jobs.c.id).where(_owned_by(owner) & (jobs.c.idempotency_key == key))
            return connection.scalar(found) is not None

    def find_repeated(self, owner: str | None, idempotency: Idempotency) -> Job | None:
        """The job that this key made within the last day; raises IdempotencyConflict."""
        recent = _owned_by(owner) & _has_key(idempotency) & (jobs.c.created >= now() - DAY)
        with self.database.read() as connection:
            row = connection.execute(select(jobs).where(recent)).mappings().first()
        if row and row["idempotency_digest"] != idempotency.digest:
            raise IdempotencyConflict(
                "This Idempotency-Key was sent before with another order. Send a new key with each new order."
            )
        return self.get(row["id"], None) if row else None

    def get(self, id: str, owner: str | None) -> Job:
        """One job with its position in the queue; raises NotFound."""
        with self.database.read() as connection:
            chosen, asked = (
                (_JOB, queue_parameters(id=id))
                if owner is None
                else (_OWN_JOB, queue_parameters(id=id, owner=owner))
            )
            row = connection.execute(chosen, asked).mappings().first()
            if row is None:
                raise NotFound(_NOT_FOUND)
            return job_from_row(row, row["position"])

    def page(self, owner: str | None, before: int | None, limit: int) -> list[Job]:
        """Jobs below a cursor, newest first."""
        chosen = select(jobs, QUEUE.c.position).outerjoin(QUEUE, QUEUE.c.id == jobs.c.id)
        if owner is not None:
            chosen = chosen.where(_owned_by(owner))
        if before is not None:
            chosen = chosen.where(jobs.c.seq < before)
        with self.database.read() as connection:
            chosen = chosen.order_by(jobs.c.seq.desc()).limit(limit)
            rows = connection.execute(chosen, queue_parameters()).mappings()
            return [job_from_row(row, row["position"]) for row in rows]

    def counts(self) -> dict[Status, int]:
        """How many jobs have each status."""
        grouped = select(jobs.c.status, func.count()).group_by(jobs.c.status)
        with self.database.read() as connection:
            found = {status: count for status, count in connection.execute(grouped)}
        return {status: found.get(status, 0) for status in STATUSES}

    def longest_wait(self) -> float:
        """Seconds that the oldest queued job has waited; 0 if there is none."""
        with self.database.read() as connection:
            waiting = select(now() - func.min(jobs.c.created)).where(jobs.c.status == "queued")
            return connection.scalar(waiting) or 0.0

    def queued(self) -> dict[Kind, int]:
        """How many jobs of each kind wait, also of kinds that this release does not know."""
        with self.database.read() as connection:
            return _queued(connection)

    def count_open(
        self, owner: str | None, kind: Kind | None, connection: Connection | None = None
    ) -> tuple[int, int]:
        """Number of queued jobs of a kind, and of an owner's unfinished ones of all kinds.

        Args:
            owner: of the unfinished jobs.
            kind: of the queued ones; None takes the shortest queue.
            connection: in whose transaction to count.
        """
        if connection is None:
            with self.database.read() as connection:
                return self.count_open(owner, kind, connection)
        queued = _queued(connection)
        waiting = min(queued.get(each, 0) for each in ([kind] if kind else KINDS))
        return waiting, connection.scalar(_UNFINISHED, {"owner": owner or ""}) or 0

    def needed_folders(self) -> set[str]:
        """The upload folders of the jobs that have not ended, and of those whose selfie is kept."""
        with self.database.read() as connection:
            return set(connection.scalars(select(jobs.c.place).where(_NOT_ENDED | _SELFIE_KEPT)))

    def expired(self, before: float) -> set[str]:
        """The upload folders of kept selfies whose jobs ended before this time."""
        with self.database.read() as connection:
            return set(connection.scalars(select(jobs.c.place).where(_SELFIE_KEPT & (jobs.c.ended < before))))

    def durations(self) -> tuple[float | None, float | None]:
        """Mean duration of the last jobs that succeeded, and how long the oldest job has run; in seconds."""
        with self.database.read() as connection:
            mean, oldest = connection.execute(_DURATIONS).one()
        return mean, oldest

    def cancel(self, id: str, owner: str | None) -> Job:
        """Cancel a job that has not ended and delete personal data; the job as it was; raises NotFound."""
        with self.database.write() as connection:
            found = connection.execute(select(jobs).where(_visible_to(id, owner)).with_for_update())
            row = found.mappings().first()
            if row is None:
                raise NotFound(_NOT_FOUND)
            values = changed_values(outcome=None, metadata=None, lease=None)
            if row["status"] not in ENDED:
                values |= end_values("cancelled")
            connection.execute(update(jobs).where(jobs.c.id == id).values(values))
        return job_from_row(row)

    def purge(self, before: float) -> int:
        """Delete jobs that ended before this time, unless their idempotency key may still be used."""
        asked = jobs.c.idempotency_key.is_not(None) & (jobs.c.created >= now() - DAY)
        with self.database.write() as connection:
            return connection.execute(delete(jobs).where((jobs.c.ended < before) & ~asked)).rowcount


def _queued(connection: Connection) -> dict[Kind, int]:
    return {kind: count for kind, count in connection.execute(_QUEUED)}


def _owned_by(owner: str | None) -> ColumnElement[bool]:
    return jobs.c.owner == (owner or "")


def _has_key(idempotency: Idempotency) -> ColumnElement[bool]:
    return jobs.c.idempotency_key == idempotency.key


def _visible_to(id: str, owner: str | None) -> ColumnElement[bool]:
    return jobs.c.id == id if owner is None else (jobs.c.id == id) & _owned_by(owner)
