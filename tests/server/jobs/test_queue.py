"""The queue as a whole: what is told, what is tried again, and what a late attempt may not do."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import text

from reenact.pipeline import Animated
from server.container import Services, services_of
from server.errors import QueueFull
from server.jobs import ENDED, Files, Idempotency, Job, JobRepository, Jobs, Order, Outcome
from server.jobs.kinds import DEFAULT
from server.jobs.runner import Runner
from server.observability.metrics import Metrics

from ..conftest import FRAMES, LONG, PORTRAIT, TEMPLATE, until
from ..fake_engine import fake_animate

Make = Callable[..., APIFlask]


def order(services: Services, template: str = TEMPLATE) -> Order:
    return Order(services.storage.create_folder(), PORTRAIT, template, paste="crop")


def submit(services: Services, template: str = TEMPLATE, **sender: Any) -> Job:
    return services.jobs.submit(order(services, template), 0, **sender)


def ended(jobs: Jobs, id: str) -> Job:
    return until(lambda: jobs.get(id), lambda job: job.status in ENDED)


def folders(services: Services) -> tuple[list[Path], list[Path]]:
    data = services.settings.data
    return list((data / "uploads").iterdir()), list((data / "results").iterdir())


def test_who_waits_is_told_of_each_change_up_to_the_end(make_app: Make) -> None:
    services = services_of(make_app())
    job = submit(services)
    seen = [job]
    while seen[-1].status not in ENDED:
        seen.append(services.jobs.wait_for_change(job.id, seen[-1].version, 30))
    versions = [each.version for each in seen]
    assert versions == sorted(set(versions))
    assert [seen[0].status, seen[-1].status] == ["queued", "succeeded"]
    assert services.jobs.wait_for_change(job.id, 0, 30) == seen[-1]
    assert services.jobs.wait_for_change(job.id, seen[-1].version, 0.01) == seen[-1]


def test_the_same_order_sent_twice_at_once_is_one_job(make_app: Make) -> None:
    services = services_of(make_app())
    key = Idempotency("key", "digest")
    with ThreadPoolExecutor(6) as pool:
        sent = list(pool.map(lambda _: submit(services, owner="me", idempotency=key), range(6)))
    assert len({job.id for job in sent}) == 1
    assert sum(services.jobs.records.counts().values()) == 1
    assert ended(services.jobs, sent[0].id).status == "succeeded"
    until(lambda: folders(services)[0], lambda uploads: uploads == [])


@pytest.mark.parametrize(("failures", "status"), [(2, "succeeded"), (3, "failed")])
def test_what_breaks_for_a_moment_is_tried_again(
    make_app: Make, monkeypatch: pytest.MonkeyPatch, failures: int, status: str
) -> None:
    left = [RuntimeError("no room on the disk")] * failures

    def break_a_few_times(*arguments: Any) -> Animated:
        if left:
            raise left.pop()
        return fake_animate(*arguments)

    monkeypatch.setattr("server.engine.work.animate", break_a_few_times)
    services = services_of(make_app())
    job = ended(services.jobs, submit(services).id)
    assert (job.status, job.attempts) == (status, 3)
    assert job.failure is None if status == "succeeded" else job.failure and job.failure.code == "internal"
    until(lambda: folders(services)[0], lambda uploads: uploads == [])


def test_uploads_that_cannot_be_deleted_go_with_the_next_sweep(
    make_app: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = services_of(make_app())
    with monkeypatch.context() as patch:
        tried = Event()

        def fail(place: str) -> None:
            tried.set()
            raise OSError("the bucket does not answer")

        patch.setattr(services.storage, "delete_folder", fail)
        job = ended(services.jobs, submit(services).id)
        assert tried.wait(60)
        assert job.status == "succeeded" and len(folders(services)[0]) == 1
        assert ended(services.jobs, submit(services).id).status == "succeeded"
        until(lambda: len(folders(services)[0]), lambda count: count == 2)
    services.sweep(0.0)
    assert folders(services)[0] == []


def test_an_attempt_that_wakes_up_late_leaves_no_second_result(
    make_app: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    asleep, wake = Event(), Event()

    def oversleep_once(*arguments: Any) -> Animated:
        made = fake_animate(*arguments)
        if not asleep.is_set():
            asleep.set()
            wake.wait(60)
        return made

    monkeypatch.setattr("server.engine.work.animate", oversleep_once)
    services = services_of(make_app(job_threads=2))
    jobs: Any = services.jobs
    id = submit(services).id
    assert asleep.wait(60)
    assert jobs._upkeep.reclaim(everything=True) == 1  # as if it had given no sign of life
    jobs._pool.notify(DEFAULT)
    done = ended(jobs, id)
    before = folders(services)[1]
    wake.set()
    until(lambda: jobs._runner._running, lambda running: not running)
    assert jobs.get(id) == done and done.attempts == 2 and done.outcome
    assert folders(services) == ([], before)
    assert [path.name for path in before] == [done.outcome.stored.token]


def test_an_attempt_without_a_sign_of_work_loses_its_lease(
    make_app: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    hung, wake = Event(), Event()

    def hang_once(*arguments: Any) -> Animated:
        if not hung.is_set():
            hung.set()
            wake.wait(60)
        return fake_animate(*arguments)

    monkeypatch.setattr("server.engine.work.animate", hang_once)
    services = services_of(make_app(job_threads=2, hang_seconds=1.0, lease_seconds=1.0))
    done = ended(services.jobs, submit(services).id)
    assert hung.is_set() and (done.status, done.attempts) == ("succeeded", 2)
    wake.set()
    until(lambda: services.jobs._runner._running, lambda running: not running)


def test_signs_of_work_keep_a_lease_though_no_frame_is_done(
    make_app: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def take_long(*arguments: Any) -> Animated:
        for _ in range(25):  # two and a half times as long as silence is granted
            arguments[5](0, FRAMES)
            time.sleep(0.1)
        return fake_animate(*arguments)

    monkeypatch.setattr("server.engine.work.animate", take_long)
    services = services_of(make_app(hang_seconds=1.0, lease_seconds=1.0))
    done = ended(services.jobs, submit(services).id)
    assert (done.status, done.attempts) == ("succeeded", 1)


def test_an_attempt_that_fails_late_leaves_no_result(make_app: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    asleep, wake = Event(), Event()

    def fail_once(*values: Any) -> Outcome:  # what was made has been published by then
        if not asleep.is_set():
            asleep.set()
            wake.wait(60)
            raise OSError("late")
        return Outcome(*values)

    monkeypatch.setattr("server.engine.work.Outcome", fail_once)
    services = services_of(make_app(job_threads=2))
    jobs: Any = services.jobs
    id = submit(services).id
    assert asleep.wait(60)
    with services.database.write() as connection:  # as if another had found it dead, and had begun it anew
        connection.execute(text("UPDATE jobs SET status = 'queued', lease = NULL"))
    jobs._pool.notify(DEFAULT)
    done = ended(jobs, id)
    assert len(folders(services)[1]) == 2
    wake.set()
    until(lambda: jobs._runner._running, lambda running: not running)
    assert done.outcome and done.outcome.stored
    assert [path.name for path in folders(services)[1]] == [done.outcome.stored.token]


def test_a_running_job_may_end_when_the_service_stops(make_app: Make) -> None:
    services = services_of(make_app())
    id = submit(services).id
    until(lambda: services.jobs.get(id).status, lambda status: status == "running")
    assert services.close(60)
    assert services.jobs.get(id).status == "succeeded"
    services.database.close()


def test_a_long_job_goes_back_to_the_queue_when_the_service_stops(make_app: Make) -> None:
    services = services_of(make_app())
    id = submit(services, LONG).id
    until(lambda: services.jobs.get(id).frames_done, bool)
    assert services.close(0.1)
    job = services.jobs.get(id)
    assert (job.status, job.attempts, job.frames_done) == ("queued", 0, 0)
    assert folders(services)[1] == []
    services.database.close()


def test_a_full_queue_says_when_there_will_be_room_to_one_after_the_other(make_app: Make) -> None:
    asked = Event()
    app = make_app(lambda: asked.wait(60) and pytest.fail("no job is begun here"), queue_length=3)
    services = services_of(app)
    for _ in range(3):  # two that took ten seconds, and one that was begun four seconds ago
        submit(services)
        with services.database.write() as connection:
            connection.execute(text("UPDATE jobs SET status = 'running' WHERE status = 'queued'"))
    now = time.time()
    with services.database.write() as connection:
        done = "UPDATE jobs SET status = 'succeeded', started = :now - 20, ended = :now - 10 WHERE seq < 3"
        connection.execute(text(done), {"now": now})
        connection.execute(text("UPDATE jobs SET started = :now - 4 WHERE seq = 3"), {"now": now})
    for _ in range(3):
        submit(services)
    told = []
    for _ in range(4):
        with pytest.raises(QueueFull) as caught:
            submit(services)
        told.append(caught.value.retry_after)
    first, *others = told
    assert 4 <= first <= 6
    assert [each - first for each in others] == pytest.approx([10, 20, 0], abs=1)  # all in 30 s at most


def test_many_at_once_get_no_more_room_than_there_is(make_app: Make) -> None:
    asked = Event()
    app = make_app(lambda: asked.wait(60) and pytest.fail("no job is begun here"), queue_length=3)
    services = services_of(app)
    with ThreadPoolExecutor(8) as pool:
        sent = [pool.submit(submit, services) for _ in range(8)]
    refused = [each for each in sent if isinstance(each.exception(), QueueFull)]
    assert (len(refused), services.jobs.records.counts()["queued"]) == (5, 3)


def test_orders_are_taken_one_after_the_other_and_looks_do_not_wait(make_app: Make) -> None:
    services = services_of(make_app())
    known, begun, go_on = submit(services), Event(), Event()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(submit, services, extra_write=lambda *_: begun.set() or go_on.wait(30))
        assert begun.wait(30)
        second = pool.submit(services.jobs.check_admission, None, None)
        for _ in range(20):
            services.jobs.get(known.id)
        assert not second.done() and not first.done()
        go_on.set()
        second.result(30)
        assert services.jobs.get(first.result(30).id)


def test_who_stops_waits_for_a_thread_that_is_just_getting_a_job(make_app: Make) -> None:
    app = make_app(lambda: Event().wait(60) and pytest.fail("no job is begun here"))
    services = services_of(app)
    job = submit(services)
    runner = Runner(
        JobRepository(services.database),
        None,
        Files(services.settings, services.storage),
        15,
        60,
        3,
        9,
        int,
        Metrics(),
    )
    with ThreadPoolExecutor(2) as pool:
        with services.database.write():  # the claim stands in line behind it
            doing = pool.submit(runner.run_next)
            until(lambda: runner._busy, bool)
            closing = pool.submit(runner.close, 30.0)
            with pytest.raises(TimeoutError):
                closing.result(0.3)
        assert closing.result(30) and isinstance(doing.exception(30), AssertionError)  # nobody works here
    assert not runner.run_next() and services.jobs.get(job.id).status == "running"


def test_two_threads_do_two_jobs_at_once(make_app: Make) -> None:
    services = services_of(make_app(job_threads=2))
    ids = [submit(services, LONG).id for _ in range(2)]
    until(lambda: [services.jobs.get(id).frames_done for id in ids], all)
    for id in ids:
        services.jobs.cancel(id)
    job = ended(services.jobs, submit(services).id)
    assert (job.status, job.frames_done) == ("succeeded", FRAMES)
