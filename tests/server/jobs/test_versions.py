"""Jobs of a newer release, beside which this one runs or whose database it was put back on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import select, update

from reenact.options import AnimateOptions
from server.container import services_of
from server.database.database import Database
from server.jobs import ENDED, Failure, Job, JobRepository, Order, Outcome
from server.jobs.order import VERSION
from server.jobs.table import jobs, to_json
from server.storage import StoredResult

from ..conftest import PORTRAIT, TEMPLATE, until

# Never changed: a new field makes a new version.
KNOWN = {
    1: "place portrait template card format size mode strength paste face audio mirror label keep",
}
KNOWN[2] = f"{KNOWN[1]} effect start end likeness"

OLD: dict[str, Any] = {  # as version 1 wrote it
    **{"place": "place-old", "portrait": PORTRAIT, "template": TEMPLATE, "format": "mp4", "size": 256},
    **{"mode": "relative", "strength": 1.5, "paste": "full", "face": "1"},
    **{"audio": True, "mirror": False, "keep": False},
}


@pytest.fixture
def records(tmp_path: Path) -> Iterator[JobRepository]:
    database = Database(None, tmp_path)
    database.prepare()
    yield JobRepository(database)
    database.close()


def add(records: JobRepository, id: str, owner: str | None = None) -> None:
    assert records.insert(Job(id, Order(f"place-{id}"), "queued", 0.0, 3, owner=owner), None)


def change(records: JobRepository, id: str, **values: Any) -> None:
    with records.database.write() as connection:
        connection.execute(update(jobs).where(jobs.c.id == id).values(values))


def from_the_future(records: JobRepository, id: str, column: str = "order", **more: Any) -> None:
    """Add fields to a value of a job, as a newer release would have written them."""
    with records.database.read() as connection:
        kept = connection.scalar(select(jobs.c[column]).where(jobs.c.id == id))
    change(records, id, **{column: kept | (more or {"voice": "deep"})})


def test_an_order_with_other_fields_has_another_version() -> None:
    assert list(to_json(Order("a"))) == KNOWN[VERSION].split()
    assert max(KNOWN) == VERSION


@pytest.mark.parametrize("announced", [True, False])
def test_an_order_of_a_newer_release_is_shown_and_deleted_but_left_to_others(
    records: JobRepository, announced: bool
) -> None:
    add(records, "newer", "mine")
    from_the_future(records, "newer")
    if announced:
        change(records, "newer", order_version=VERSION + 1)
    add(records, "known", "mine")
    claim = records.claim(60, at_once=1)  # what waits for others keeps nobody of its owner waiting
    assert claim and claim.job.id == "known" and records.claim(60) is None
    shown = records.get("newer", "mine")
    assert (shown.status, shown.attempts, shown.order) == ("queued", 0, Order("place-newer"))
    assert {job.id for job in records.page("mine", None, 9)} == {"newer", "known"}
    assert records.needed_folders() == {"place-newer", "place-known"} and records.count_newer_orders() == 1
    assert records.cancel("newer", "mine").order.upload_folder == "place-newer"
    assert records.get("newer", None).status == "cancelled" and records.count_newer_orders() == 0


def test_an_order_that_means_something_else_is_left_to_others(records: JobRepository) -> None:
    add(records, "a")
    change(records, "a", order_version=VERSION + 1)
    assert records.claim(60) is None and records.count_newer_orders() == 1
    change(records, "a", order_version=VERSION)
    assert records.claim(60)


def test_a_swap_is_left_alone_by_a_release_that_knows_none(
    records: JobRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    swap = Order("place-swap", effect="swap", start=1.5, end=2.0, likeness=0.5)
    assert records.insert(Job("swap", swap, "queued", 0.0, 3), None)
    with monkeypatch.context() as older:
        older.setattr("server.jobs.leases.VERSION", 1)
        assert records.claim(60) is None
    claim = records.claim(60)
    assert claim and claim.job.order == swap


def test_an_order_from_before_swaps_is_an_animation(records: JobRepository) -> None:
    add(records, "old")
    change(records, "old", order={name: None for name in KNOWN[1].split()} | OLD, order_version=1)
    claim = records.claim(60)
    assert claim and claim.job.order == Order("place-old", PORTRAIT, TEMPLATE, strength=1.5, face="1")
    assert isinstance(claim.job.order.options(), AnimateOptions)


def test_ends_of_a_newer_release_are_read(records: JobRepository) -> None:
    stored = StoredResult("token.mp4", 10, "sha", 2e9)
    outcome = Outcome(stored, 4, 6, 2, 12.5, (), {"find": 1.0})
    failure = Failure("no_face_found", "No face was found.")
    for id in ("done", "failed"):
        add(records, id)
    first, second = records.claim(60), records.claim(60)
    assert first and second
    records.succeed(first.lease, outcome)
    records.fail(second.lease, "failed", failure)
    from_the_future(records, "done", "outcome", stored=vars(stored) | {"crc": 1}, quality=3)
    from_the_future(records, "done", "outcome", faces=[{"box": [0, 1, 2, 3], "score": 0.5, "roll": 30}])
    from_the_future(records, "failed", "failure", hint="Take another picture.")
    done = records.get("done", None).outcome
    assert done and done.stored == stored and done.faces[0].score == 0.5
    assert records.get("failed", None).failure == failure


def test_a_service_that_was_put_back_tells_of_the_order_and_does_others(
    make_app: Callable[..., APIFlask],
) -> None:
    app = make_app()
    services = services_of(app)
    records = JobRepository(services.database)
    order = Order(services.storage.create_folder(), PORTRAIT, TEMPLATE, paste="crop")
    with services.database.write() as connection:  # nobody claims it before it is changed
        newer = Job("a" * 32, order, "queued", 0.0, 0)
        row = {"id": newer.id, "owner": "", "status": "queued", "place": order.upload_folder, "created": 1.0}
        kept = to_json(order) | {"voice": "deep"}
        row |= {"order": kept, "frames_total": 0}
        connection.execute(jobs.insert(), row)
    other = services.jobs.submit(Order(services.storage.create_folder(), PORTRAIT, TEMPLATE, paste="crop"), 0)
    assert until(lambda: services.jobs.get(other.id), lambda job: job.status in ENDED).status == "succeeded"
    ended = until(lambda: services.jobs.get(newer.id), lambda job: job.status in ENDED)
    assert ended.failure and ended.failure.code == "order_too_new" and ended.attempts == 0
    client = app.test_client()
    listed = json.loads(client.get("/v1/animations").data)
    assert newer.id in {job["id"] for job in listed["animations"]}
    told = client.get(f"/v1/animations/{newer.id}")
    assert (told.status_code, told.json["status"]) == (200, "failed")
    assert told.json["error"]["code"] == "order_too_new"
    assert client.delete(f"/v1/animations/{newer.id}").status_code in (200, 204)
    assert records.count_newer_orders() == 0
    assert not services.storage.upload(order.upload_folder, "").exists()
