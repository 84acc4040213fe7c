"""Which jobs are still to be told of, and in what order."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from server.database.database import Database, open_database
from server.jobs import Job, JobRepository, Order
from server.jobs.deliveries import Deliveries
from server.jobs.table import jobs


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = open_database(None, tmp_path)
    yield database
    database.close()


def ended(database: Database, owner: str, url: str, status: str = "succeeded") -> None:
    """A job to tell of; its id is all that is known of it."""
    id = f"{owner} {url} {time.monotonic_ns()}"
    job = Job(id, Order("place", template="t"), "queued", time.time(), 1, owner=owner, webhook=url)
    JobRepository(database).insert(job, None)
    with database.write() as connection:
        connection.execute(update(jobs).where(jobs.c.id == id).values(status=status))


def test_owners_take_turns_and_so_do_their_addresses(database: Database) -> None:
    for owner, url in [("a", "x")] * 3 + [("a", "y"), ("b", "x"), ("b", "x")]:
        ended(database, owner, url)
    due = Deliveries(database).due(10)
    assert [(each.owner, each.url) for each in due] == [
        ("a", "x"), ("b", "x"), ("a", "y"), ("b", "x"), ("a", "x"), ("a", "x"),
    ]  # fmt: skip
    assert len(Deliveries(database).due(2)) == 2


@pytest.mark.parametrize("status", ["queued", "running"])
def test_what_has_not_ended_is_not_told(database: Database, status: str) -> None:
    ended(database, "a", "x", status)
    assert Deliveries(database).due(10) == []


def test_one_of_many_servers_calls_and_another_when_that_one_died(database: Database) -> None:
    ended(database, "a", "x")
    here, there = Deliveries(database), Deliveries(database)
    (due,), (same,) = here.due(10), there.due(10)
    mine = here.claim(due, 3600)
    assert mine and mine.tries == 1 and there.claim(same, 3600) is None
    assert there.due(10) == []
    here.end(mine, again=0.0)
    (again,) = there.due(10)
    died = there.claim(again, 0.0)
    assert died and died.tries == 2
    (last,) = here.due(10)  # as if the server had died in the middle
    told = here.claim(last, 3600)
    assert told and told.tries == 3
    there.end(died, again=0.0)  # it was only slow, and its word does not count any more
    assert here.due(10) == []
    here.end(told, again=None)
    assert here.due(10) == []
