"""Files in a bucket: moto answers as S3 does, over HTTP."""

from __future__ import annotations

import os
import pickle
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import boto3
import pytest
from apiflask import APIFlask
from moto.server import ThreadedMotoServer
from s3fs import S3FileSystem

from reenact.errors import SetupError
from server.container import services_of
from server.database.database import open_database
from server.engine.process import _picklable
from server.errors import Gone, NotFound, StorageUnavailable
from server.storage import DRIVING, SELFIE, RemoteStorage, ResultFile
from server.storage.leftovers import Leftovers
from tests.broker.wire import Wire

from .conftest import FRAMES, Client, until
from .test_animations import upload

HOUR = 3600.0
BUCKET = "bucket"


@pytest.fixture(scope="module")
def bucket() -> Iterator[Callable[[], list[str]]]:
    """Lists the names in a new bucket."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        with closing(boto3.client("s3")) as client:
            client.create_bucket(Bucket=BUCKET)

            def names() -> list[str]:
                return [each["Key"] for each in client.list_objects_v2(Bucket=BUCKET).get("Contents", ())]

            yield names
    server.stop()


@pytest.fixture
def storage(bucket: object, tmp_path: Path) -> RemoteStorage:
    storage = RemoteStorage(f"s3://{BUCKET}/{tmp_path.name}", tmp_path, HOUR)
    storage.prepare()
    return storage


def put(storage: RemoteStorage, content: bytes = b"content") -> str:
    path = storage.upload(storage.create_folder(), "result.mp4")
    path.write_bytes(content)
    return storage.publish(path).token


def test_attempts_at_a_job_share_no_folder(storage: RemoteStorage) -> None:
    place = storage.create_folder()
    storage.upload(place, SELFIE).write_bytes(b"face")
    storage.publish_inputs(place)
    with storage.checked_out(place, "second") as second:
        with storage.checked_out(place, "first") as first:
            for folder in (first, second):
                (folder / "result.mp4").write_text(folder.name)
        storage.delete_folder(place)
        assert (second / SELFIE).read_bytes() == b"face"
        assert storage.publish(second / "result.mp4").bytes == len("second")
    assert not first.exists() and not second.exists()


def test_uploads_reach_another_machine_and_leave_no_copy(
    storage: RemoteStorage, bucket: Callable[[], list[str]], tmp_path: Path
) -> None:
    place = storage.create_folder()
    storage.upload(place, SELFIE).write_bytes(b"face")
    storage.publish_inputs(place)
    assert not storage.upload(place, SELFIE).exists()
    other = RemoteStorage(f"s3://{BUCKET}/{tmp_path.name}", tmp_path / "other", HOUR)
    other.prepare()
    with other.checked_out(place, "attempt") as folder:
        assert (folder / SELFIE).read_bytes() == b"face"
    assert not folder.exists()
    assert list((tmp_path / "other" / "uploads").iterdir()) == []
    assert any(place in name for name in bucket())
    other.delete_folder(place)
    other.delete_folder(place)
    assert not any(place in name for name in bucket())
    with other.checked_out(place, "attempt") as folder:  # of an order without files
        assert list(folder.iterdir()) == []


def test_a_kept_selfie_stays_alone_and_can_be_copied(
    storage: RemoteStorage, bucket: Callable[[], list[str]]
) -> None:
    place, new = storage.create_folder(), storage.create_folder()
    for name in (SELFIE, DRIVING):
        storage.upload(place, name).write_bytes(name.encode())
    storage.publish_inputs(place)
    storage.delete_all_but(place, SELFIE)
    assert [name.rpartition("/")[2] for name in bucket() if place in name] == [SELFIE]
    storage.copy(place, SELFIE, new)
    assert storage.upload(new, SELFIE).read_bytes() == SELFIE.encode()
    storage.delete_folder(place)
    with pytest.raises(FileNotFoundError):
        storage.copy(place, SELFIE, new)


def test_a_result_is_found_whole_and_in_parts(storage: RemoteStorage, tmp_path: Path) -> None:
    data = os.urandom(3_000_000)
    path = storage.upload(storage.create_folder(), "result.webp")
    path.write_bytes(data)
    stored = storage.publish(path)
    assert not path.exists()
    assert (stored.bytes, stored.sha256) == (len(data), sha256(data).hexdigest())
    found = storage.find(stored.token)
    assert (found.bytes, found.expires) == (len(data), pytest.approx(stored.expires, abs=5))
    with found.open() as file:
        assert file.read() == data
        file.seek(1_500_000)
        assert file.read(10) == data[1_500_000:1_500_010]


def test_deleted_means_gone_from_the_bucket(storage: RemoteStorage, bucket: Callable[[], list[str]]) -> None:
    token = put(storage)
    assert any(token in name for name in bucket())
    storage.delete(token)
    storage.delete(token)
    assert not any(token in name for name in bucket())
    for unknown in (token, "../x", "a" * 43 + ".txt"):
        with pytest.raises(NotFound):
            storage.find(unknown)


def test_the_sweep_takes_what_is_old_and_nothing_else(
    bucket: Callable[[], list[str]], tmp_path: Path
) -> None:
    short = RemoteStorage(f"s3://{BUCKET}/{tmp_path.name}", tmp_path, 2)
    short.prepare()
    old = put(short)
    needed, orphan = short.create_folder(), short.create_folder()
    for place in (needed, orphan):
        short.upload(place, SELFIE).write_bytes(b"face")
        short.publish_inputs(place)
    assert short.delete_orphans({needed}, time.time() - HOUR) == 0
    time.sleep(3)
    new = put(short)
    with pytest.raises(Gone):
        short.find(old)
    assert short.sweep() == 1
    assert short.delete_orphans({needed}, time.time() - 1) >= 1
    left = " ".join(bucket())
    assert new in left and needed in left and old not in left and orphan not in left


@pytest.mark.parametrize("asked", [{}, {"Range": "bytes=2-"}])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_result_that_is_deleted_just_before_it_is_read_is_gone(
    make_app: Callable[..., APIFlask],
    bucket: object,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    asked: dict[str, str],
    when: str,
) -> None:
    app = make_app(storage=f"s3://{BUCKET}/{tmp_path.name}")
    storage, client = services_of(app).storage, app.test_client()
    token = put(storage)  # type: ignore[arg-type]
    address = f"/v1/results/{services_of(app).addresses.sign(token, time.time() + HOUR)}"
    assert client.get(address, headers=asked).data == b"content"[2 if asked else 0 :]
    find = storage.find

    def find_and_lose(name: str) -> ResultFile:
        found = find(name)

        def lose() -> BinaryIO:
            content = found.open() if when == "after" else None
            storage.delete(name)
            return content or found.open()

        return replace(found, open=lose)

    monkeypatch.setattr(storage, "find", find_and_lose)
    answer = client.get(address, headers=asked)
    assert (answer.status_code, answer.json["code"]) == (410, "gone")  # type: ignore[index]


@pytest.fixture
def wire(bucket: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    """The line to the bucket, for what is opened from now on."""
    wire = Wire(int(os.environ["AWS_ENDPOINT_URL"].rpartition(":")[2]))
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{wire.port}")
    S3FileSystem.clear_instance_cache()  # else it would go on with the address that it read first
    yield wire
    wire.cut()
    S3FileSystem.clear_instance_cache()


def test_what_is_deleted_while_it_is_away_counts_as_gone_and_goes(
    wire: Wire, bucket: Callable[[], list[str]], tmp_path: Path
) -> None:
    database = open_database(None, tmp_path)
    url = f"s3://{BUCKET}/{tmp_path.name}"
    storage, other = (RemoteStorage(url, tmp_path, HOUR, Leftovers(database)) for _ in range(2))
    storage.prepare()
    token, kept, dropped = put(storage), storage.create_folder(), storage.create_folder()
    for place in (kept, dropped):
        for name in (SELFIE, DRIVING):
            storage.upload(place, name).write_bytes(b"content")
        storage.publish_inputs(place)
    wire.cut()
    storage.delete(token)
    storage.delete_all_but(kept, SELFIE)
    storage.delete_folder(dropped)
    for each in (storage, other):  # and for every other process
        with pytest.raises(Gone):
            each.find(token)
        with pytest.raises(FileNotFoundError):
            each.copy(dropped, SELFIE, each.create_folder())
    assert other.delete_leftovers() == 0
    wire.restore()
    assert other.delete_leftovers() == 3 and other.delete_leftovers() == 0
    mine = [name.partition("/")[2] for name in bucket() if name.startswith(f"{tmp_path.name}/")]
    assert mine == [f"uploads/{kept}/{SELFIE}"]
    with pytest.raises(NotFound):
        storage.find(token)
    database.close()


def test_whoever_asks_for_more_while_it_is_away_is_told_to_come_back(wire: Wire, tmp_path: Path) -> None:
    storage = RemoteStorage(f"s3://{BUCKET}/{tmp_path.name}", tmp_path, HOUR)
    wire.cut()
    storage.prepare()  # it will come back
    place = storage.create_folder()
    storage.upload(place, SELFIE).write_bytes(b"face")
    for ask in (
        lambda: storage.publish_inputs(place),
        lambda: storage.find("a" * 43 + ".mp4"),
        lambda: storage.delete("a" * 43 + ".mp4"),  # nobody would remember it
        storage.sweep,
    ):
        with pytest.raises(StorageUnavailable):
            ask()
    wire.restore()
    storage.publish_inputs(place)


def test_the_engines_process_tells_of_it_as_such() -> None:
    told = pickle.loads(pickle.dumps(_picklable(StorageUnavailable(7))))
    assert isinstance(told, StorageUnavailable) and told.retry_after == 7
    assert str(told) == str(StorageUnavailable(7))


@pytest.mark.parametrize("url", ["s3://no-such-bucket/x", "ftp://here/x"])
def test_a_bucket_that_cannot_be_used_is_said(bucket: object, tmp_path: Path, url: str) -> None:
    with pytest.raises(SetupError, match="REENACT_STORAGE"):
        RemoteStorage(url, tmp_path, HOUR).prepare()


def test_the_service_keeps_its_files_there_and_takes_them_away(
    make_app: Callable[..., APIFlask], bucket: Callable[[], list[str]], portrait: Path, tmp_path: Path
) -> None:
    # A folder of its own: every moto of this process serves the same buckets, also what another module left.
    app = make_app(storage=f"s3://{BUCKET}/{tmp_path.name}")
    client = app.test_client()
    assert isinstance(client, Client)
    job = client.ended(client.order(selfie=upload(portrait)))
    assert (job["status"], job["frames_done"]) == ("succeeded", FRAMES), job
    url = job["result"]["url"]
    whole = client.get(url)
    assert sha256(whole.data).hexdigest() == job["result"]["sha256"]
    part = client.get(url, headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.data) == (206, whole.data[100:200])
    assert client.get(url, headers={"Range": "bytes=99999999-"}).status_code == 416
    mine = lambda: [name for name in bucket() if name.startswith(f"{tmp_path.name}/")]  # noqa: E731
    until(mine, lambda names: len(names) == 1)
    client.delete(f"/v1/animations/{job['id']}")
    assert mine() == []
    assert list((services_of(app).settings.data / "uploads").iterdir()) == []
