"""Kinds of work: separate queues, workers that take some of them, and kinds that only others know."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import pytest
from apiflask import APIFlask
from sqlalchemy import update

from server.container import services_of
from server.database.clock import now
from server.database.database import Database
from server.errors import QueueFull
from server.jobs import ENDED, Job, JobRepository, Order
from server.jobs.admission import Admission
from server.jobs.fleet import ALIVE_SECONDS, Fleet, workers
from server.jobs.kinds import DEFAULT, KINDS, read_kinds
from server.jobs.table import jobs
from server.jobs.wakeup import WorkerPool
from server.settings import SettingInvalid

from ..conftest import PORTRAIT, TEMPLATE, until

OTHER = "mime"  # no release knows it
BOTH = (DEFAULT, OTHER)


@pytest.fixture
def records(tmp_path: Path) -> Iterator[JobRepository]:
    database = Database(None, tmp_path)
    database.prepare()
    yield JobRepository(database)
    database.close()


def add(records: JobRepository, id: str, kind: str, owner: str = "") -> None:
    assert records.insert(Job(id, Order(f"place-{id}"), "queued", 0.0, 3, owner=owner or None), None)
    with records.database.write() as connection:
        connection.execute(update(jobs).where(jobs.c.id == id).values(kind=kind))


def taken(records: JobRepository, *kinds: str, at_once: int = 99) -> str | None:
    claim = records.claim(60, at_once, kinds)
    return claim.job.id if claim else None


def test_a_worker_claims_the_kinds_that_it_takes_and_leaves_others(records: JobRepository) -> None:
    for id, kind in (("other", OTHER), ("known", DEFAULT), ("last", DEFAULT)):
        add(records, id, kind)
    assert records.queued() == {DEFAULT: 2, OTHER: 1}
    assert taken(records, DEFAULT) == "known"
    assert taken(records, *BOTH) == "other"
    assert [taken(records, OTHER), taken(records, DEFAULT), taken(records, *BOTH)] == [None, "last", None]


def test_the_position_is_that_among_the_jobs_of_ones_kind(records: JobRepository) -> None:
    for nth in range(3):
        add(records, f"other{nth}", OTHER, "many")
    add(records, "known", DEFAULT, "many")
    positions = {job.id: job.position for job in records.page(None, None, 9)}
    assert positions == {"other0": 1, "other1": 2, "other2": 3, "known": 1}


def test_owners_take_turns_within_a_kind_and_over_all_that_a_worker_takes(records: JobRepository) -> None:
    for nth in range(2):
        for kind in BOTH:
            add(records, f"many-{kind}{nth}", kind, "many")
    add(records, "few", OTHER, "few")
    assert [taken(records, *BOTH) for _ in range(2)] == [f"many-{DEFAULT}0", "few"]


def test_what_runs_of_any_kind_counts_for_how_many_an_owner_may_run(records: JobRepository) -> None:
    for nth in range(2):
        for kind in BOTH:
            add(records, f"{kind}{nth}", kind, "mine")
    assert taken(records, OTHER, at_once=2) == f"{OTHER}0"
    assert taken(records, DEFAULT, at_once=2) == f"{DEFAULT}0"
    assert [taken(records, kind, at_once=2) for kind in BOTH] == [None, None]


def test_a_full_queue_of_one_kind_keeps_no_other_waiting(records: JobRepository) -> None:
    for nth in range(2):
        add(records, str(nth), OTHER)
    admission = Admission(records, 2, None, 1)
    admission.check(None)
    admission.check(None, DEFAULT)
    with pytest.raises(QueueFull):
        admission.check(None, OTHER)


def test_who_shares_a_database_leaves_an_unknown_kind_to_others_and_tells(
    make_app: Callable[..., APIFlask], tmp_path: Path
) -> None:
    opened = Event()
    app = make_app(
        lambda: opened.wait(60) and pytest.fail("never opened"), database=f"sqlite:///{tmp_path}/a.db"
    )
    services, client = services_of(app), app.test_client()
    place = services.storage.create_folder
    other = services.jobs.submit(Order(place(), PORTRAIT, TEMPLATE, paste="crop"), 0)
    with services.database.write() as connection:
        connection.execute(update(jobs).values(kind=OTHER))
    assert f'reenact_queued_jobs{{kind="{OTHER}"}} 1.0' in client.get("/metrics").text
    does = services_of(make_app(database=f"sqlite:///{tmp_path}/a.db"))
    known = does.jobs.submit(Order(does.storage.create_folder(), PORTRAIT, TEMPLATE, paste="crop"), 0)
    ended = until(lambda: does.jobs.get(known.id), lambda job: job.status in ENDED)
    does.jobs._upkeep._maintain()
    left = services.jobs.get(other.id)
    assert (ended.status, left.status, left.attempts, left.position) == ("succeeded", "queued", 0, 1)
    told = client.get("/metrics").text
    assert f'reenact_workers{{kind="{OTHER}"}} 0.0' in told
    assert f'reenact_workers{{kind="{DEFAULT}"}} 1.0' in told
    assert client.get(f"/v1/animations/{other.id}").json["status"] == "queued"
    assert client.delete(f"/v1/animations/{other.id}").status_code in (200, 204)


def test_alone_nobody_else_can_do_an_unknown_kind(make_app: Callable[..., APIFlask]) -> None:
    services = services_of(make_app(lambda: Event().wait(60) and pytest.fail("never opened")))
    job = services.jobs.submit(Order(services.storage.create_folder(), PORTRAIT, TEMPLATE), 0)
    with services.database.write() as connection:
        connection.execute(update(jobs).values(kind=OTHER))
    services.jobs._upkeep._maintain()
    ended = services.jobs.get(job.id)
    assert ended.failure and (ended.status, ended.failure.code) == ("failed", "order_too_new")


def test_a_job_whose_message_another_kind_has_used_up_is_called_again() -> None:
    """Work of the other kind is done first, as the database would say, and each message is one job."""
    waiting, done = [OTHER, DEFAULT], []

    def work() -> str | None:
        done.append(waiting.pop(0) if waiting else None)
        return done[-1]

    pool = WorkerPool(None, 1, BOTH, work)
    pool.open()
    pool.start()
    try:
        pool.notify(DEFAULT)
        until(lambda: done, lambda done: DEFAULT in done)
        assert done == [OTHER, DEFAULT]
    finally:
        pool.stop(5)


def test_workers_say_which_kinds_they_take_until_they_leave_or_die(records: JobRepository) -> None:
    one = Fleet(records.database, BOTH, single_process=False)
    two = Fleet(records.database, (DEFAULT,), single_process=False)
    server = Fleet(records.database, (), single_process=False)
    for each in (one, two, server, one):
        each.beat()
    assert server.workers() == {DEFAULT: 2, OTHER: 1}
    one.leave()
    assert server.workers() == {DEFAULT: 1}
    with records.database.write() as connection:
        connection.execute(update(workers).values(seen=now() - ALIVE_SECONDS - 1))
    assert server.workers() == {}


def test_that_nobody_takes_a_kind_is_logged_when_it_begins(
    records: JobRepository, caplog: pytest.LogCaptureFixture
) -> None:
    server = Fleet(records.database, (), single_process=False)
    for queued in ((), KINDS, KINDS, (), KINDS):
        server.report_unserved(queued)
    assert len(caplog.records) == 2 * len(KINDS)


@pytest.mark.parametrize("named", [f"{DEFAULT},{OTHER}", OTHER, " , ", ""])
def test_kinds_that_this_release_cannot_do_are_refused(named: str) -> None:
    with pytest.raises(SettingInvalid, match="REENACT_KINDS"):
        read_kinds(named)


def test_kinds_are_named_by_commas() -> None:
    assert read_kinds(None) == KINDS and read_kinds(f" {DEFAULT} ,{DEFAULT},") == (DEFAULT,)
