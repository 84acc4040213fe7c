"""The promises of the table of jobs, on SQLite; tests/broker holds them on PostgreSQL too."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from reenact.errors import SetupError
from server.database.database import Database
from server.errors import IdempotencyConflict, NotFound
from server.jobs import DetectedFace, Failure, Idempotency, Job, JobRepository, Order, Outcome
from server.jobs.leases import Claim
from server.jobs.repository import DAY
from server.jobs.table import jobs
from server.storage import StoredResult

BROKEN = Failure("gave_up", "It broke.")
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
def records(tmp_path: Path) -> Iterator[JobRepository]:
    database = Database(None, tmp_path)
    database.prepare()
    yield JobRepository(database)
    database.close()


def add(records: JobRepository, id: str, owner: str | None = None, key: str | None = None) -> Job | None:
    order = Order(f"place-{id}", template="nod", face="1", strength=1.5)
    job = Job(id, order, "queued", 0.0, 3, owner=owner, metadata="mine", webhook="https://x.org")
    return records.insert(job, Idempotency(key, "digest") if key else None)


def reclaim(records: JobRepository) -> list[Claim]:
    return records.reclaim(records.expired_leases(), 3, BROKEN)


def claim(records: JobRepository, seconds: float = 60) -> Claim:
    claimed = records.claim(seconds)
    assert claimed
    return claimed


def test_a_job_comes_back_as_it_went_in(records: JobRepository) -> None:
    add(records, "a", "owner")
    queued = records.get("a", "owner")
    assert queued.order == Order("place-a", template="nod", face="1", strength=1.5)
    assert (queued.status, queued.position, queued.owner, queued.metadata) == ("queued", 1, "owner", "mine")
    held = claim(records)
    assert held.result == f"{held.lease}.mp4" and len(held.lease) == 43
    assert records.progress(held.lease, 1, 3, 60)
    running = records.get("a", None)
    assert (running.status, running.frames_done, running.position, running.attempts) == (
        "running",
        1,
        None,
        1,
    )
    assert records.succeed(held.lease, OUTCOME)
    done = records.get("a", "owner")
    assert (done.status, done.outcome, done.progress) == ("succeeded", OUTCOME, 1)
    assert queued.version < running.version < done.version
    assert records.counts()["succeeded"] == 1 and records.needed_folders() == set()


def test_another_owners_job_is_unknown(records: JobRepository) -> None:
    add(records, "a", "mine")
    for ask in (records.get, records.cancel):
        with pytest.raises(NotFound):
            ask("a", "other")
    assert records.page("other", None, 9) == []
    assert records.get("a", "mine").status == "queued"


def test_owners_take_turns(records: JobRepository) -> None:
    for nth in range(5):
        add(records, f"many{nth}", "many")
    for nth in range(2):
        add(records, f"few{nth}", "few")
    order = [job.id for job in sorted(records.page(None, None, 9), key=lambda job: job.position or 0)]
    taken = []
    while held := records.claim(60):
        taken.append(held.job.id)
        records.succeed(held.lease, OUTCOME)
    assert taken == order == ["many0", "few0", "many1", "few1", "many2", "many3", "many4"]


def test_an_owner_whose_jobs_run_waits_for_one_whose_do_not(records: JobRepository) -> None:
    for nth in range(3):
        add(records, f"many{nth}", "many")
    assert [claim(records).job.id for _ in range(2)] == ["many0", "many1"]
    add(records, "few", "few")
    assert [claim(records).job.id for _ in range(2)] == ["few", "many2"]


def test_an_owner_with_as_many_running_as_allowed_waits(records: JobRepository) -> None:
    for nth in range(3):
        add(records, f"many{nth}", "many")
    first, second = records.claim(60, 2), records.claim(60, 2)
    assert first and second and records.claim(60, 2) is None
    assert records.get("many2", None).position == 1
    records.succeed(first.lease, OUTCOME)
    third = records.claim(60, 2)
    assert third and third.job.id == "many2"


def test_each_job_is_claimed_once_however_many_ask(records: JobRepository) -> None:
    for nth in range(40):
        add(records, str(nth), str(nth % 3))
    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(lambda _: records.claim(60), range(60)))
    ids = [each.job.id for each in claims if each]
    assert len(ids) == len(set(ids)) == 40


def test_an_attempt_that_lost_its_lease_changes_nothing(records: JobRepository) -> None:
    add(records, "a")
    late = claim(records, -1)
    assert [each.lease for each in reclaim(records)] == [late.lease]
    assert records.get("a", None).status == "queued"
    second = claim(records)
    assert second.lease != late.lease
    records.renew([late.lease], 60)
    assert not records.lease_is_held(late.lease)
    assert not records.progress(late.lease, 1, 3, 60)
    assert not records.succeed(late.lease, OUTCOME)
    assert not records.fail(late.lease, "failed", BROKEN)
    assert not records.release(late.lease, counted=True)
    assert records.succeed(second.lease, OUTCOME)
    assert not records.succeed(second.lease, OUTCOME)
    assert records.get("a", None).attempts == 2


def test_a_lease_that_is_renewed_is_not_taken(records: JobRepository) -> None:
    add(records, "a")
    held = claim(records, -1)
    records.renew([held.lease], 60)
    assert reclaim(records) == []
    assert records.lease_is_held(held.lease)


def test_a_job_that_kills_its_workers_fails_in_the_end(records: JobRepository) -> None:
    add(records, "a")
    for _ in range(3):
        claim(records, -1)
        reaped = reclaim(records)
    assert [each.job.status for each in reaped] == ["failed"]
    job = records.get("a", None)
    assert (job.failure, job.attempts, records.claim(60)) == (BROKEN, 3, None)


def test_an_attempt_that_the_service_broke_off_does_not_count(records: JobRepository) -> None:
    add(records, "a")
    assert records.release(claim(records).lease, counted=False)
    assert records.get("a", None).attempts == 0
    assert records.release(claim(records).lease, counted=True)
    assert records.get("a", None).attempts == 1


def test_cancel_takes_the_lease_and_what_is_personal(records: JobRepository) -> None:
    add(records, "running")
    held = claim(records)
    assert records.cancel("running", None).status == "running"
    after = records.get("running", None)
    assert (after.status, after.metadata, records.lease_is_held(held.lease)) == ("cancelled", None, False)
    add(records, "done")
    records.succeed(claim(records).lease, OUTCOME)
    assert records.cancel("done", None).outcome == OUTCOME
    after = records.get("done", None)
    assert (after.status, after.outcome, after.metadata) == ("succeeded", None, None)


def test_what_is_deleted_does_not_stay_on_the_disk(records: JobRepository, tmp_path: Path) -> None:
    add(records, "a")
    job = Job("b", Order("b"), "queued", time.time(), 3, metadata="the name of somebody " * 400)
    records.insert(job, None)

    def on_disk() -> bool:
        return any(b"the name of somebody" in path.read_bytes() for path in tmp_path.iterdir())

    assert on_disk()
    records.cancel("b", None)
    records.database.truncate_journal()
    assert not on_disk()
    assert records.get("a", None).metadata == "mine"


def test_the_same_key_finds_the_first_job_for_a_day(records: JobRepository) -> None:
    assert add(records, "a", "mine", "key")
    assert not add(records, "b", "mine", "key")
    assert add(records, "c", "other", "key")
    found = records.find_repeated("mine", Idempotency("key", "digest"))
    assert found and found.id == "a"
    with pytest.raises(IdempotencyConflict):
        records.find_repeated("mine", Idempotency("key", "another body"))
    assert add(records, "old", "late", "key")
    with records.database.write() as connection:
        old = update(jobs).where(jobs.c.id == "old").values(created=jobs.c.created - DAY - 1)
        connection.execute(old)
    assert records.find_repeated("late", Idempotency("key", "digest")) is None
    assert add(records, "new", "late", "key")


def test_pages_go_back_in_time(records: JobRepository) -> None:
    for nth in range(5):
        add(records, str(nth), "mine")
        add(records, f"x{nth}", "other")
    first = records.page("mine", None, 3)
    second = records.page("mine", first[-1].seq, 3)
    assert [job.id for job in first + second] == ["4", "3", "2", "1", "0"]


def test_what_ended_long_ago_is_forgotten_unless_a_key_may_ask_for_it(records: JobRepository) -> None:
    for id, key in (("plain", None), ("keyed", "key"), ("waiting", None)):
        add(records, id, key=key)
    for _ in range(2):
        records.succeed(claim(records).lease, OUTCOME)
    assert records.purge(time.time() - 60) == 0
    assert records.purge(time.time() + 60) == 1
    assert {job.id for job in records.page(None, None, 9)} == {"keyed", "waiting"}


def test_the_mean_duration_is_measured(records: JobRepository) -> None:
    assert records.durations() == (None, None)
    add(records, "a")
    records.succeed(claim(records).lease, OUTCOME)
    add(records, "b")
    claim(records)
    mean, oldest = records.durations()
    assert mean is not None and 0 <= mean < 5
    assert oldest is not None and 0 <= oldest < 5
    add(records, "c")
    assert 0 <= records.longest_wait() < 5


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://here/x", "sqlite or postgresql"),
        ("nonsense", "like sqlite"),
        ("sqlite:////no/such/folder/file", "cannot be used"),
        ("postgresql://nobody:secret@127.0.0.1:1/none", "cannot be used"),
    ],
)
def test_a_database_that_cannot_be_used_is_said_without_its_password(
    tmp_path: Path, url: str, said: str
) -> None:
    with pytest.raises(SetupError, match=said) as caught:
        Database(url, tmp_path).prepare()
    assert "secret" not in str(caught.value)


def test_a_job_that_the_table_refuses_is_no_repetition(records: JobRepository) -> None:
    add(records, "a")
    with pytest.raises(IntegrityError):  # False would mean that a key brings its first job
        add(records, "a")
