"""``reenact-server sweep``, as an operator or a cron table runs it."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from pathlib import Path

from apiflask import APIFlask
from sqlalchemy import update

from server.container import services_of
from server.database.database import Database
from server.jobs.table import jobs

from .command_line import command
from .conftest import Client, until

DAYS = 2 * 24 * 3600.0


def sweep(data: Path) -> list[int]:
    """The numbers that the command prints."""
    done = command(data, "sweep", REENACT_MORE_TEMPLATES=str(data / "motions"))
    assert done.returncode == 0, done.stderr
    return [int(each) for each in re.findall(r"\d+", done.stdout)]


def test_a_bucket_that_is_away_is_told_in_a_sentence(tmp_path: Path) -> None:
    account = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    away = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "REENACT_STORAGE": "s3://bucket/folder"}
    done = command(tmp_path, "sweep", **account, **away)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


def test_what_is_over_goes_and_the_rest_stays(make_app: Callable[..., APIFlask]) -> None:
    app = make_app()
    client = app.test_client()
    assert isinstance(client, Client)
    until(lambda: services_of(app).jobs.ready, bool)
    old, fresh = (client.order("wait=30").json for _ in range(2))
    assert old is not None and fresh is not None
    data = services_of(app).settings.data
    made = [services_of(app).jobs.get(each["id"]).outcome for each in (old, fresh)]
    files = [each.stored.token for each in made if each and each.stored]
    assert services_of(app).close()

    then = time.time() - DAYS
    os.utime(data / "results" / files[0], (then, then))
    database = Database(None, data)
    with database.write() as connection:
        connection.execute(update(jobs).where(jobs.c.id == old["id"]).values(ended=then))
    database.close()
    for place, age in (("abandoned", DAYS), ("being-taken", 0.0)):
        (data / "uploads" / place).mkdir()
        os.utime(data / "uploads" / place, (time.time() - age, time.time() - age))

    (data / "motions" / ".nod-0123abcd").mkdir(parents=True)
    os.utime(data / "motions" / ".nod-0123abcd", (then, then))

    assert sweep(data) == [1, 1, 1, 1]
    assert list((data / "motions").iterdir()) == []
    assert [each.name for each in (data / "uploads").iterdir()] == ["being-taken"]
    assert [each.name for each in (data / "results").iterdir()] == files[1:]
    assert sweep(data) == [0, 0, 0, 0]
