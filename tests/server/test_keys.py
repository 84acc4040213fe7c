"""Keys: who needs one, what it opens, and how much at once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import select
from werkzeug.test import TestResponse

from server.access.keys import Keys, keys
from server.container import services_of
from server.database.database import Database
from server.errors import NotFound

from .command_line import command
from .conftest import LONG, Client, until

ROOT = Path(__file__).parents[2]
FORM = {"portrait": "eileen-collins", "template": "turn", "consent": "true"}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(None, tmp_path)
    database.prepare()
    yield database
    database.close()


def test_a_key_is_found_by_its_text_until_it_is_revoked(database: Database) -> None:
    kept = Keys(database)
    assert not kept.exist()
    key, text = kept.add("phone")
    assert text.startswith("rk_") and len(text) > 40
    assert kept.find(text) == key and kept.exist() and kept.find(text[:-1]) is None
    kept.revoke(key.id)
    assert kept.find(text) is None and not kept.exist()
    assert kept.all()[0].revoked is not None
    with pytest.raises(NotFound):
        kept.revoke(key.id)


def test_no_key_lies_in_the_database(database: Database) -> None:
    _, text = Keys(database).add("phone")
    with database.read() as connection:
        assert text not in str(connection.execute(select(keys)).all())


@pytest.fixture
def app(make_app: Callable[..., APIFlask]) -> APIFlask:
    app = make_app(unfinished_per_key=2, orders_per_minute=4)
    until(lambda: services_of(app).jobs.ready, bool)
    return app


def client(app: APIFlask, name: str) -> Client:
    """A client with a new key."""
    made = app.test_client()
    assert isinstance(made, Client)
    made.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {services_of(app).keys.add(name)[1]}"
    return made


def code(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, (answer.json or {}).get("code", "")


def test_with_the_first_key_everyone_needs_one(app: APIFlask) -> None:
    stranger = app.test_client()
    assert stranger.get("/v1/animations").status_code == 200
    mine = client(app, "mine")
    for method, path in (("GET", ""), ("POST", ""), ("GET", "/x"), ("GET", "/x/events"), ("DELETE", "/x")):
        answer = stranger.open(f"/v1/animations{path}", method=method)
        assert code(answer) == (401, "unauthorized")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert code(stranger.get("/v1/animations", headers={"Authorization": "Bearer rk_no"}))[0] == 401
    assert mine.get("/v1/animations").status_code == 200
    for open_to_all in ("/", "/v1/templates", "/v1/portraits", "/healthz"):
        assert stranger.get(open_to_all).status_code == 200


def test_a_key_sees_only_its_own_jobs(app: APIFlask) -> None:
    mine, other = client(app, "mine"), client(app, "other")
    made = mine.order(template=LONG)
    place = made.headers["Location"]
    for answer in (other.get(place), other.get(f"{place}/events"), other.delete(place)):
        assert code(answer) == (404, "not_found")
    assert other.get("/v1/animations").json == {"animations": [], "next": None}
    assert [job["id"] for job in mine.get("/v1/animations").json["animations"]] == [made.json["id"]]  # type: ignore[index]
    assert mine.delete(place).status_code == 204


def test_a_key_has_so_many_jobs_at_once(app: APIFlask) -> None:
    mine, other = client(app, "mine"), client(app, "other")
    made = [mine.order(template=LONG) for _ in range(3)]
    assert [each.status_code for each in made] == [202, 202, 429]
    assert code(made[2]) == (429, "quota_exceeded") and int(made[2].headers["Retry-After"]) >= 1
    made.append(other.order(template=LONG))
    assert made[3].status_code == 202
    for each in (made[0], made[1], made[3]):  # or else the end waits for them
        services_of(app).jobs.cancel(each.json["id"])  # type: ignore[index]


def test_a_key_sends_so_many_orders_a_minute(app: APIFlask) -> None:
    mine = client(app, "mine")
    answers = [mine.order(template="none") for _ in range(5)]
    assert [code(each)[0] for each in answers] == [404, 404, 404, 404, 429]
    assert code(answers[4]) == (429, "rate_limited")
    assert 1 <= int(answers[4].headers["Retry-After"]) <= 60


def test_a_proxy_is_believed_only_where_there_is_one(make_app: Callable[..., APIFlask]) -> None:
    for proxies, last in ((0, 429), (1, 404)):
        app = make_app(orders_per_minute=1, proxies=proxies)
        mine, other = client(app, "mine"), client(app, "other")
        mine.environ_base["HTTP_X_FORWARDED_FOR"] = "198.51.100.1"
        other.environ_base["HTTP_X_FORWARDED_FOR"] = "198.51.100.2"
        assert mine.order(template="none").status_code == 404
        assert other.order(template="none").status_code == last


def run(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("REENACT_")}
    environment: dict[str, Any] = clean | {"REENACT_DATA": str(folder), **more}
    return subprocess.run(
        [sys.executable, "-m", "server", *arguments],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def test_the_command_makes_lists_and_revokes(tmp_path: Path, database: Database) -> None:
    made = run(tmp_path, "keys", "add", "phone").stdout
    key = Keys(database).find(next(word for word in made.split() if word.startswith("rk_")))
    assert key is not None and key.name == "phone"
    assert key.id in command(tmp_path, "keys", "list").stdout
    assert command(tmp_path, "keys", "revoke", key.id).returncode == 0
    assert [each.revoked is None for each in Keys(database).all()] == [False]
    command(tmp_path, "keys", "add", "boss", "--operator")
    (boss,) = (each for each in Keys(database).all() if each.name == "boss")
    assert boss.operator and boss.id in command(tmp_path, "keys", "list").stdout
    again = command(tmp_path, "keys", "revoke", key.id)
    assert again.returncode == 1 and again.stderr


def test_nobody_listens_to_strangers_without_a_key(tmp_path: Path) -> None:
    done = run(tmp_path, REENACT_HOST="0.0.0.0", REENACT_PORT="0")
    assert done.returncode == 2 and "reenact-server keys add" in done.stderr


@pytest.mark.parametrize("arguments", ["keys list", "block list", "consents", "sweep", "serve"])
def test_a_folder_that_cannot_be_used_is_named_in_a_sentence(tmp_path: Path, arguments: str) -> None:
    file = tmp_path / "file"
    file.touch()
    done = command(file, *arguments.split())
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert str(file) in done.stderr and "REENACT_DATA" in done.stderr
