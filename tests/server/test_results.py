from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.access.addresses import Addresses
from server.container import Services
from server.database.database import Database
from server.errors import Gone, NotFound
from server.storage import ResultFile

from .conftest import Client

CONTENT = bytes(range(256)) * 40


@pytest.fixture
def token(services: Services) -> Iterator[str]:
    path = services.storage.upload(services.storage.create_folder(), "result.mp4")
    path.write_bytes(CONTENT)
    stored = services.storage.publish(path)
    services.storage.delete_folder(path.parent.name)
    yield services.addresses.sign(stored.token, stored.expires)
    services.storage.delete(stored.token)


def test_the_whole_file(client: Client, token: str) -> None:
    answer = client.get(f"/v1/results/{token}")
    assert (answer.status_code, answer.data, answer.mimetype) == (200, CONTENT, "video/mp4")
    assert answer.headers["Content-Disposition"] == "inline; filename=reenact.mp4"
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.cache_control.private and not answer.cache_control.no_cache
    assert 0 < (answer.cache_control.max_age or 0) <= 24 * 3600
    assert answer.headers["ETag"].startswith('"')


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [("0-9", 0, 10), ("100-", 100, None), ("-5", -5, None), ("10000-99999", 10000, None)],
)
def test_a_part_of_it(client: Client, token: str, asked: str, start: int, end: int | None) -> None:
    answer = client.get(f"/v1/results/{token}", headers={"Range": f"bytes={asked}"})
    assert (answer.status_code, answer.data) == (206, CONTENT[start:end])
    assert answer.headers["Content-Range"].endswith(f"/{len(CONTENT)}")


def test_a_part_that_is_not_there(client: Client, token: str) -> None:
    answer = client.get(f"/v1/results/{token}", headers={"Range": "bytes=999999-"})
    assert (answer.status_code, answer.json["code"]) == (416, "range_not_satisfiable")  # type: ignore[index]
    assert answer.headers["Content-Range"] == f"bytes */{len(CONTENT)}"


@pytest.mark.parametrize("asked", ["bytes=0-1,3-4", "items=0-1", "bytes=a-b", "bytes=5-2", "bytes="])
def test_ranges_that_are_of_no_use_get_the_whole_file(client: Client, token: str, asked: str) -> None:
    answer = client.get(f"/v1/results/{token}", headers={"Range": asked})
    assert (answer.status_code, answer.data) == (200, CONTENT)


def test_another_file_than_the_one_asked_for_is_a_problem_without_the_file(
    client: Client, token: str
) -> None:
    answer = client.get(f"/v1/results/{token}", headers={"If-Match": '"another"'})
    assert (answer.status_code, answer.mimetype) == (412, "application/problem+json")
    assert (
        answer.json and answer.json["code"] == "precondition_failed" and "If-Match" in answer.json["detail"]
    )


def test_the_tag_saves_a_second_download(client: Client, token: str) -> None:
    address = f"/v1/results/{token}"
    tag = client.get(address).headers["ETag"]
    assert client.get(address, headers={"If-None-Match": tag}).status_code == 304
    part = {"Range": "bytes=5-9"}
    assert client.get(address, headers=part | {"If-Range": tag}).data == CONTENT[5:10]
    assert client.get(address, headers=part | {"If-Range": '"other"'}).data == CONTENT


def test_head_tells_the_size(client: Client, token: str) -> None:
    answer = client.head(f"/v1/results/{token}")
    assert (answer.status_code, answer.content_length, answer.data) == (200, len(CONTENT), b"")


def test_an_expired_result_is_gone_and_then_swept(client: Client, services: Services, token: str) -> None:
    path = services.settings.data / "results" / services.addresses.read(token)
    old = time.time() - 25 * 3600
    os.utime(path, (old, old))
    answer = client.get(f"/v1/results/{token}")
    assert (answer.status_code, answer.json["code"]) == (410, "gone")  # type: ignore[index]
    services.sweep()
    assert not path.exists()
    assert client.get(f"/v1/results/{token}").status_code == 404


def test_a_result_that_is_deleted_just_before_it_is_opened_is_gone(
    client: Client, services: Services, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = services.storage.find

    def find_and_lose(name: str) -> ResultFile:
        found = find(name)
        services.storage.delete(name)
        return found

    monkeypatch.setattr(services.storage, "find", find_and_lose)
    answer = client.get(f"/v1/results/{token}")
    assert (answer.status_code, answer.json["code"]) == (410, "gone")  # type: ignore[index]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(None, tmp_path)
    database.prepare()
    yield database
    database.close()


def test_an_address_is_read_back_by_every_server_of_the_database(database: Database) -> None:
    name = "n" * 43 + ".mp4"
    signed = Addresses(database).sign(name, time.time() + 9)
    assert signed.endswith(".mp4")
    assert Addresses(database).read(signed) == name


def test_an_address_that_was_changed_opens_nothing(database: Database) -> None:
    addresses = Addresses(database)
    signed = addresses.sign("n" * 43 + ".mp4", time.time() + 9)
    stem, end, proof, suffix = signed.split(".")
    for changed in (
        f"{stem}.{suffix}",
        f"{stem}.{int(end) + 1}.{proof}.{suffix}",
        f"{stem}.{end}.{proof[::-1]}.{suffix}",
        f"{stem}.{end}.{proof}.gif",
        f"m{stem[1:]}.{end}.{proof}.{suffix}",
        f"{stem}.{end}\u00b2.{proof}.{suffix}",
        f"{stem}.{'9' * 5000}.{proof}.{suffix}",
        "...",
        "",
    ):
        with pytest.raises(NotFound):
            addresses.read(changed)


def test_an_address_ends_with_its_time_though_the_file_may_still_be_there(
    client: Client, services: Services, token: str
) -> None:
    name = services.addresses.read(token)
    with pytest.raises(Gone):
        services.addresses.read(services.addresses.sign(name, time.time() - 1))
    assert client.get(f"/v1/results/{name}").status_code == 404  # the name alone is no address
