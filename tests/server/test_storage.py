from __future__ import annotations

import os
import stat
import time
from hashlib import sha256
from pathlib import Path

import pytest

from reenact.errors import SetupError
from server.errors import Gone, NotFound
from server.storage import SELFIE, LocalStorage

HOUR = 3600.0


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    storage = LocalStorage(tmp_path / "var", HOUR)
    storage.prepare()
    return storage


def put(storage: LocalStorage, content: bytes = b"content", name: str = "result.mp4") -> str:
    path = storage.upload(storage.create_folder(), name)
    path.write_bytes(content)
    return storage.publish(path).token


def content(storage: LocalStorage, token: str) -> bytes:
    found = storage.find(token)
    with found.open() as file:
        data = file.read()
    assert len(data) == found.bytes
    return data


def age(storage: LocalStorage, token: str, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(storage.upload("", "../results") / token, (then, then))


def test_only_the_owner_may_look(storage: LocalStorage, tmp_path: Path) -> None:
    for folder in ("uploads", "results"):
        assert stat.S_IMODE((tmp_path / "var" / folder).stat().st_mode) == 0o700


def test_a_place_is_dropped_with_all_in_it(storage: LocalStorage) -> None:
    place = storage.create_folder()
    selfie = storage.upload(place, SELFIE)
    selfie.write_bytes(b"face")
    storage.delete_folder(place)
    assert not selfie.parent.exists()
    storage.delete_folder(place)


def test_attempts_at_a_job_share_no_folder(storage: LocalStorage) -> None:
    place = storage.create_folder()
    storage.upload(place, SELFIE).write_bytes(b"face")
    with storage.checked_out(place, "second") as second:
        with storage.checked_out(place, "first") as first:
            for folder in (first, second):
                assert (folder / SELFIE).read_bytes() == b"face"
                (folder / "result.mp4").write_text(folder.name)
            assert stat.S_IMODE(first.stat().st_mode) == 0o700
        storage.delete_all_but(place, "")
        storage.delete_folder(place)
        assert (second / SELFIE).read_bytes() == b"face"
        assert storage.publish(second / "result.mp4").bytes == len("second")
    assert not first.exists() and not second.exists()


def test_an_attempt_at_a_deleted_job_finds_nothing(storage: LocalStorage) -> None:
    place = storage.create_folder()
    storage.delete_folder(place)
    with storage.checked_out(place, "late") as folder:
        assert list(folder.iterdir()) == []


def test_a_crash_leaves_no_uploads_that_nobody_needs(storage: LocalStorage) -> None:
    needed, orphan = (storage.upload(storage.create_folder(), SELFIE) for _ in range(2))
    for selfie in (needed, orphan):
        selfie.write_bytes(b"face")
    token = put(storage)
    storage.prepare()
    storage.delete_orphans({needed.parent.name}, time.time() - 60)
    assert orphan.exists()  # it may belong to a request that is just being taken
    storage.delete_orphans({needed.parent.name}, time.time() + 1)
    assert needed.exists() and not orphan.exists()
    assert content(storage, token) == b"content"


def test_a_result_moves_under_an_unguessable_name(storage: LocalStorage) -> None:
    path = storage.upload(storage.create_folder(), "result.gif")
    path.write_bytes(b"moving")
    stored = storage.publish(path)
    assert not path.exists()
    assert len(stored.token) == 43 + len(".gif")
    assert (stored.bytes, stored.sha256) == (6, sha256(b"moving").hexdigest())
    assert stored.expires == pytest.approx(time.time() + HOUR, abs=5)
    assert storage.find(stored.token).expires == pytest.approx(stored.expires, abs=0.01)
    assert put(storage) != put(storage)


@pytest.mark.parametrize("token", ["", "..", "../lock", "a" * 43 + ".txt", "a" * 43 + ".mp4", "a" * 43])
def test_other_names_are_not_found(storage: LocalStorage, token: str) -> None:
    with pytest.raises(NotFound):
        storage.find(token)


def test_deleted_is_not_found(storage: LocalStorage) -> None:
    token = put(storage)
    storage.delete(token)
    storage.delete(token)
    with pytest.raises(NotFound):
        storage.find(token)


def test_the_sweep_takes_what_is_old_and_nothing_else(storage: LocalStorage, tmp_path: Path) -> None:
    old, new = put(storage), put(storage)
    age(storage, old, HOUR + 1)
    age(storage, new, HOUR - 60)
    with pytest.raises(Gone):
        storage.find(old)
    assert storage.sweep() == 1
    assert [path.name for path in (tmp_path / "var/results").iterdir()] == [new]
    with pytest.raises(NotFound):
        storage.find(old)


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SetupError, match="REENACT_DATA"):
        LocalStorage(tmp_path / "file", HOUR).prepare()
