"""A database of the first release, as its own code laid it out, with jobs in every state."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

import server.container  # noqa: F401  # every table is made known to METADATA
from server.access.addresses import Addresses, secrets_table
from server.access.keys import Keys
from server.database.database import METADATA, Database
from server.database.migrations import known
from server.jobs import DetectedFace, Failure, Idempotency, JobRepository, Order, Outcome
from server.screening import Blocklist, Consents
from server.storage import StoredResult

FOLDER = Path(__file__).parent
SQLITE, POSTGRESQL = FOLDER / "first_sqlite.sql", FOLDER / "first_postgresql.sql"
STATES = {
    "succeeded": "succeeded",
    "told": "succeeded",
    "kept": "succeeded",
    "template": "succeeded",
    "failed": "failed",
    "rejected": "rejected",
    "cancelled": "cancelled",
    "running": "running",
    "queued": "queued",
    "nobody": "queued",
}
CLIP = Order("place-succeeded", template="nod", face="1", strength=1.5)


def check_nothing_is_lost(database: Database) -> None:
    """What the first release wrote is read as it was meant, and its jobs go on."""
    assert database.schema() == known()[0]
    _check_access(database)
    records = JobRepository(database)
    listed = records.page(None, None, 99)
    assert {job.id: job.status for job in listed} == STATES
    done, _, selfie, template, failed, rejected, cancelled, running, queued, _ = reversed(listed)
    assert done.order == CLIP and done.metadata == '{"mine": 1}' and done.webhook
    assert done.outcome and done.outcome.stored and done.outcome.stored.bytes == 1234
    seen = (DetectedFace((0.0, 1.0, 2.0, 3.0), 0.5),)
    assert done.outcome == Outcome(done.outcome.stored, 256, 256, 3, 25.0, seen, {"find": 1.0}, True)
    assert isinstance(done.outcome.stored, StoredResult)
    assert selfie.order == Order("place-kept", keep_selfie=True, label="de", format="gif", size=512)
    assert template.order.card == {"title": "New", "tags": ["a"]} and template.outcome
    assert failed.failure == Failure("no_face_found", "No face was found.")
    assert rejected.failure and rejected.failure.code == "face_blocked"
    assert cancelled.metadata is None and queued.metadata == "queued's own"
    assert (running.frames_done, running.attempts) == (1, 1)
    assert queued.owner and records.key_was_used(queued.owner, "key-2")
    assert records.needed_folders() == {"place-kept", "place-running", "place-queued", "place-nobody"}
    _check_work(records)


def _check_access(database: Database) -> None:
    first, revoked, operator = Keys(database).all()
    assert (first.name, first.revoked, first.operator) == ("first", None, False)
    assert revoked.revoked and operator.operator
    assert len(Consents(database, 90).find("portrait:eileen-collins")) == 10
    assert [face.note for face in Blocklist(database).all()] == ["request 17"]
    with database.read() as connection:
        secret = connection.scalar(secrets_table.select().with_only_columns(secrets_table.c.value))
    Addresses(database).sign("x" * 43 + ".mp4", 2e9)
    with database.read() as connection:
        assert connection.scalar(secrets_table.select().with_only_columns(secrets_table.c.value)) == secret


def _check_work(records: JobRepository) -> None:
    """The jobs that wait are begun, and the one that ran is begun again."""
    records.reclaim(records.expired_leases(), 3, Failure("gave_up", "It broke."))
    begun = set()
    while claim := records.claim(60):
        begun.add(claim.job.id)
        records.cancel(claim.job.id, None)
    assert begun == {"running", "queued", "nobody"}
    assert records.find_repeated(None, Idempotency("new", "digest")) is None


def shape(database: Database) -> dict[str, object]:
    """Tables, columns, indexes and constraints as the database itself tells them."""
    with database.read() as connection:
        look = inspect(connection)
        return {
            table: (
                [{**column, "type": str(column["type"])} for column in look.get_columns(table)],
                sorted(str(_plain(index)) for index in look.get_indexes(table)),
                look.get_pk_constraint(table),
                sorted(map(str, look.get_unique_constraints(table))),
            )
            for table in sorted(look.get_table_names())
        }


def _plain(index: Any) -> dict[str, object]:
    """An index with the condition of a partial one as text, so that it can be compared."""
    options = {name: str(value) for name, value in index.get("dialect_options", {}).items()}
    return {**index, "dialect_options": options}


def check_tables_are_as_declared(database: Database) -> None:
    """Alembic finds no difference between the database and what the code declares."""
    options = {"compare_type": True, "compare_server_default": True}
    with database.read() as connection:
        found = compare_metadata(MigrationContext.configure(connection, opts=options), METADATA)
    assert found == []
