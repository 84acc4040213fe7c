"""Files in a bucket (s3://) through fsspec, so that servers and workers on many machines share them.

<bucket>/<prefix>/uploads/<place>/selfie, driving   while a job lives
<bucket>/<prefix>/results/<token>.mp4               until its time is over, counted from the object's own date

Both are worked on in a local folder first. An object appears in a bucket only when it is whole.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from reenact.errors import ExtraMissing, SetupError
from server.errors import Gone, NotFound
from server.storage.local import TOKEN, LocalStorage
from server.storage.storage import Found, Stored

_BLOCK = 1 << 20  # bytes that are fetched at once; a result has a few of them


class RemoteStorage:
    """See ``Storage`` for what the methods promise."""

    def __init__(self, url: str, folder: Path, lifetime: float) -> None:
        """Connect nothing yet.

        Args:
            url: ``s3://bucket/prefix``. Endpoint and credentials stand in the usual ``AWS_...`` variables.
            folder: local, for what is being worked on.
            lifetime: of a result in seconds.

        Raises:
            SetupError: the URL is of another kind.
            ExtraMissing: s3fs is not installed.
        """
        if not url.startswith("s3://"):
            raise SetupError(f"REENACT_STORAGE is {url!r}; it must be like s3://bucket/folder.")
        if find_spec("s3fs") is None:
            raise ExtraMissing("REENACT_STORAGE needs the extra 's3': pip install 'reenact[s3]'.")
        import fsspec

        # Listings are never remembered: other processes change the bucket too.
        self._fs, root = fsspec.core.url_to_fs(url, use_listings_cache=False)
        self._uploads, self._results = f"{root}/uploads", f"{root}/results"
        self._here, self._lifetime, self._url = LocalStorage(folder, lifetime), lifetime, url

    def prepare(self) -> None:
        """Make the local folders and try the bucket; raises SetupError."""
        self._here.prepare()
        self.probe()

    def probe(self) -> None:
        """Write something in the bucket and delete it; raises SetupError."""
        probe = f"{self._uploads}/{secrets.token_hex(8)}"
        try:
            self._fs.pipe_file(probe, b"may this be written?")
            self._fs.rm_file(probe)
        except Exception as e:  # of fsspec, botocore or the network
            why = getattr(e, "strerror", None) or e  # the numbers of s3fs are no disk's
            raise SetupError(f"{self._url} cannot be written: {why}. See REENACT_STORAGE and AWS_....") from e

    def open_place(self) -> str:
        """Make a new place, in the local folder for the time being."""
        return self._here.open_place()

    def upload(self, place: str, name: str) -> Path:
        """The local path of a file in a place."""
        return self._here.upload(place, name)

    def share(self, place: str) -> None:
        """Move a place's files to the bucket."""
        folder = self._here.upload(place, "")
        for file in folder.iterdir():
            self._fs.put_file(str(file), f"{self._uploads}/{place}/{file.name}")
        self._here.drop(place)

    @contextmanager
    def at_hand(self, place: str) -> Iterator[None]:
        """Fetch a place's files, and delete the copies afterwards."""
        folder = self._here.upload(place, "")
        folder.mkdir(mode=0o700, exist_ok=True)
        try:
            for remote in self._fs.find(f"{self._uploads}/{place}"):
                self._fs.get_file(remote, str(folder / remote.rpartition("/")[2]))
            yield
        finally:
            self._here.drop(place)

    def drop(self, place: str) -> None:
        """Delete a place here and in the bucket."""
        self._here.drop(place)
        self._delete(self._fs.find(f"{self._uploads}/{place}"))

    def drop_rest(self, place: str, keep: str) -> None:
        """Delete what is in a place but one file, which stays in the bucket alone."""
        self._here.drop(place)
        self._delete(
            [path for path in self._fs.find(f"{self._uploads}/{place}") if not path.endswith(f"/{keep}")]
        )

    def copy(self, place: str, name: str, to: str) -> None:
        """Fetch a file for another place."""
        self._fs.get_file(f"{self._uploads}/{place}/{name}", str(self._here.upload(to, name)))

    def drop_others(self, keep: Collection[str], before: float) -> int:
        """Delete the old places that nobody needs any more and tell how many."""
        old = self._older(self._uploads, before)
        orphans = {path.split("/")[-2] for path in old} - set(keep)
        self._delete([path for path in old if path.split("/")[-2] in orphans])
        return len(orphans) + self._here.drop_others(keep, before)

    def publish(self, file: Path, token: str | None = None) -> Stored:
        """Upload a file among the results under a name of 256 random bits."""
        with file.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        size, token = file.stat().st_size, token or secrets.token_urlsafe(32) + file.suffix
        self._fs.put_file(str(file), f"{self._results}/{token}")
        file.unlink()
        return Stored(token, size, digest, time.time() + self._lifetime)

    def find(self, token: str) -> Found:
        """A result; raises NotFound, and Gone when its time is over."""
        path = f"{self._results}/{token}"
        try:
            info = self._fs.info(path) if TOKEN.fullmatch(token) else None
        except FileNotFoundError:
            info = None
        if info is None:
            raise NotFound("There is no such result; it may have been deleted or expired.")
        expires = _time_of(info) + self._lifetime
        if expires <= time.time():
            raise Gone("This result has expired. Make it again.")
        return Found(token, info["size"], expires, partial(self._fs.open, path, "rb", block_size=_BLOCK))

    def delete(self, token: str) -> None:
        """Delete a result."""
        self._delete([f"{self._results}/{token}"])

    def sweep(self) -> int:
        """Delete the results whose time is over and tell how many."""
        old = self._older(self._results, time.time() - self._lifetime)
        self._delete(old)
        return len(old)

    def _older(self, folder: str, before: float) -> list[str]:
        found = self._fs.find(folder, detail=True)
        return [path for path, info in found.items() if _time_of(info) < before]

    def _delete(self, paths: list[str]) -> None:
        for path in paths:
            self._fs.rm_file(path)


def _time_of(info: dict[str, Any]) -> float:
    """When an object was written, in seconds since 1970."""
    return float(info["LastModified"].timestamp())
