"""The promises of the table of jobs that a server which locks rows could break."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from server.database.database import Database
from server.errors import IdempotencyConflict
from server.jobs import DetectedFace, Failure, Idempotency, Job, JobRepository, Order, Outcome
from server.storage import StoredResult

pytestmark = pytest.mark.broker
OUTCOME = Outcome(
    StoredResult("token.mp4", 10, "sha", 2e9),
    4,
    6,
    2,
    12.5,
    (DetectedFace((0.0, 1.0, 2.0, 3.0), 0.5),),
    {"find": 1.0},
)


@pytest.fixture
def records(postgres: str, tmp_path: Path) -> Iterator[JobRepository]:
    database = Database(postgres, tmp_path)
    with ThreadPoolExecutor(4) as pool:  # as many processes that start at once
        list(pool.map(lambda _: database.prepare(), range(4)))
    yield JobRepository(database)
    database.close()


def add(records: JobRepository, id: str, owner: str, key: str | None = None) -> bool:
    job = Job(id, Order(f"place-{id}"), "queued", 0.0, 3, owner=owner)
    return records.insert(job, Idempotency(key, "digest") if key else None) is not None


def test_each_job_is_claimed_once_and_owners_take_turns(records: JobRepository) -> None:
    for nth in range(30):
        add(records, f"many{nth}", "many")
    add(records, "few", "few")
    with ThreadPoolExecutor(8) as pool:
        claims = [each for each in pool.map(lambda _: records.claim(60), range(50)) if each]
    ids = [each.job.id for each in claims]
    assert len(ids) == len(set(ids)) == 31
    assert records.get("few", "few").started <= sorted(c.job.started for c in claims)[8]  # type: ignore[type-var, operator]


def test_one_of_many_that_end_a_job_wins(records: JobRepository) -> None:
    add(records, "a", "mine")
    held = records.claim(-1)
    assert held
    with ThreadPoolExecutor(8) as pool:
        reaped = [each for part in pool.map(lambda _: reclaim(records), range(8)) for each in part]
    assert len(reaped) == 1
    assert not records.succeed(held.lease, OUTCOME)
    again = records.claim(60)
    assert again
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: records.succeed(again.lease, OUTCOME), range(8))) == 1
    assert records.get("a", "mine").outcome == OUTCOME


def reclaim(records: JobRepository) -> list[object]:
    return list(records.reclaim(records.expired_leases(), 3, Failure("gave_up", "It broke.")))


def test_of_many_that_send_the_same_key_at_once_one_makes_the_job(records: JobRepository) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda nth: add(records, str(nth), "mine", "key"), range(8)))
    assert sum(made) == 1
    first = records.find_repeated("mine", Idempotency("key", "digest"))
    assert first and first.id == str(made.index(True))
    with pytest.raises(IdempotencyConflict):
        records.find_repeated("mine", Idempotency("key", "other"))


def test_pages_cancel_and_forget(records: JobRepository) -> None:
    for nth in range(3):
        add(records, str(nth), "mine")
    assert [(job.id, job.position) for job in records.page("mine", None, 9)] == [("2", 3), ("1", 2), ("0", 1)]
    records.cancel("0", "mine")
    assert records.counts() | {"queued": 2, "cancelled": 1} == records.counts()
    assert records.purge(time.time() + 1) == 1
    assert records.needed_folders() == {"place-1", "place-2"}
