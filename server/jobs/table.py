"""Jobs as rows of a table."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any, TypeVar

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    RowMapping,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from server.database.database import METADATA
from server.jobs.job import DetectedFace, Failure, Job, Outcome
from server.jobs.kinds import DEFAULT
from server.jobs.order import Order
from server.storage import StoredResult

Value = TypeVar("Value", Order, Outcome, Failure, StoredResult)
_Json = JSON(none_as_null=True)
_PENDING = text("webhook_due IS NOT NULL")
# Fields whose name in the database is that of the first release.
_STORED_NAMES = {"upload_folder": "place", "keep_selfie": "keep"}

# ``owner`` is "" where there is none, since NULLs are all different to a unique constraint.
jobs = Table(
    "jobs",
    METADATA,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("owner", String(64), nullable=False),
    Column("status", String(16), nullable=False),
    Column("place", String(64), nullable=False),  # the upload folder of the order
    Column("order", _Json, nullable=False),
    Column("created", Double, nullable=False),
    Column("started", Double),
    Column("ended", Double),
    Column("frames_total", Integer, nullable=False),
    Column("frames_done", Integer, nullable=False, default=0),
    Column("attempts", Integer, nullable=False, default=0),
    Column("version", Integer, nullable=False, default=1),
    Column("lease", String(64)),  # of the running attempt; the name of its result
    Column("lease_until", Double),
    Column("idempotency_key", String(255)),
    Column("idempotency_digest", String(128)),
    Column("webhook", Text),
    Column("webhook_due", Double),  # when to call it once the job has ended; NULL: no call is due
    Column("webhook_tries", Integer, nullable=False, default=0),
    Column("metadata", Text),
    Column("outcome", _Json),
    Column("failure", _Json),
    Column("order_version", Integer, nullable=False, server_default="1"),  # see ``order.VERSION``
    Column("kind", String(16), nullable=False, server_default=DEFAULT),  # see ``kinds.KINDS``
    UniqueConstraint("owner", "idempotency_key"),
    Index("jobs_by_status", "status", "owner"),
    Index("jobs_by_start", "started"),
    Index("jobs_by_webhook", "webhook_due", sqlite_where=_PENDING, postgresql_where=_PENDING),
    sqlite_autoincrement=True,  # the number of a deleted job is not used again
)


def job_from_row(row: RowMapping, position: int | None = None) -> Job:
    """A row as a job."""
    return Job(
        id=row["id"],
        order=_from_json(Order, row["order"]),
        status=row["status"],
        created=row["created"],
        frames_total=row["frames_total"],
        frames_done=row["frames_done"],
        started=row["started"],
        ended=row["ended"],
        position=position,
        outcome=_outcome_from_json(row["outcome"]) if row["outcome"] else None,
        failure=_from_json(Failure, row["failure"]) if row["failure"] else None,
        owner=row["owner"] or None,
        webhook=row["webhook"],
        metadata=row["metadata"],
        attempts=row["attempts"],
        version=row["version"],
        seq=row["seq"],
    )


def to_json(value: Order | Outcome | Failure) -> dict[str, Any]:
    """A value for a JSON column."""
    return {_stored_name(name): each for name, each in asdict(value).items()}


def is_understood(order: dict[str, Any]) -> bool:
    """Whether an order has no field that this release does not know."""
    return order.keys() <= {_stored_name(each.name) for each in fields(Order)}


def _outcome_from_json(stored: dict[str, Any]) -> Outcome:
    faces = tuple(DetectedFace((*face["box"],), face["score"]) for face in stored["faces"])
    result = _from_json(StoredResult, stored["stored"]) if stored["stored"] else None
    return _from_json(Outcome, stored | {"stored": result, "faces": faces})


def _from_json(kind: type[Value], stored: dict[str, Any]) -> Value:
    """A value from its JSON; fields that a newer release has added are ignored."""
    names = {each.name: _stored_name(each.name) for each in fields(kind)}
    return kind(**{name: stored[kept_as] for name, kept_as in names.items() if kept_as in stored})


def _stored_name(field: str) -> str:
    return _STORED_NAMES.get(field, field)
