"""The checks of ``doctor`` for what machines share: database, broker and bucket.

Each raises its driver's error if a part cannot be reached, which ``doctor`` reports.
"""

from __future__ import annotations

from collections.abc import Iterator

from reenact.doctor import Finding
from server.access.keys import Keys
from server.database import migrations
from server.database.database import Database
from server.jobs import JobRepository
from server.jobs.broker import open_broker, ping
from server.jobs.fleet import Fleet
from server.jobs.kinds import KINDS, read_kinds
from server.settings import Settings
from server.storage import RemoteStorage


def database(settings: Settings) -> Iterator[Finding]:
    """Whether the database can be used, which schema it has, and whether it has a key where one is needed."""
    opened = Database(settings.database, settings.data)
    try:
        yield from _records(settings, opened)
    finally:
        opened.close()


def _records(settings: Settings, database: Database) -> Iterator[Finding]:
    schema = database.schema()
    where = repr(database.url)
    newest = migrations.known()[0]
    old = f"schema {schema}, which the next start brings to {newest}"
    detail = "empty yet" if schema is None else f"schema {schema}" if schema == newest else old
    yield Finding("database", "ok", f"{where}, {detail}")
    if schema == newest:
        yield from _unserved(settings, database)
    if settings.local:
        return
    if schema is None or not Keys(database).exist():
        detail = f"none, but other machines can reach {settings.host}: run `reenact-server keys add NAME`"
        yield Finding("keys", "broken", detail)
    else:
        yield Finding("keys", "ok", "at least one is valid")


def _unserved(settings: Settings, database: Database) -> Iterator[Finding]:
    """The jobs that wait for workers that are not there."""
    records = JobRepository(database)
    if waiting := records.count_newer_orders():
        detail = f"{waiting} wait for a worker of a newer version of Reenact: start one"
        yield Finding("jobs", "note", detail)
    fleet = Fleet(database, read_kinds(settings.kinds), settings.single_process)
    for kind in sorted((records.queued().keys() & set(KINDS)) - fleet.workers().keys()):
        detail = f"no worker takes those of the kind {kind!r} that wait: start `reenact-server worker`"
        yield Finding("jobs", "note", detail)


def broker(settings: Settings) -> Iterator[Finding]:
    """Whether Redis or RabbitMQ answers."""
    if settings.broker is None:
        yield Finding("broker", "ok", "none: jobs run on this machine")
        return
    opened = open_broker(settings.broker)
    try:
        ping(opened)
    finally:
        opened.close()
    yield Finding("broker", "ok", f"{settings.broker.partition('://')[0]} answers")


def storage(settings: Settings) -> Iterator[Finding]:
    """Whether the bucket can be written."""
    if settings.storage is None:
        yield Finding("storage", "ok", "none: the data folder")
        return
    RemoteStorage(settings.storage, settings.data, 0).probe()
    yield Finding("storage", "ok", f"{settings.storage} can be written")
