"""Files in a bucket (s3://), so that servers and workers on many machines share them.

<bucket>/<prefix>/uploads/<place>/selfie, driving   while a job lives
<bucket>/<prefix>/results/<token>.mp4               until its time is over, counted from the object's own date

Both are worked on in a local folder of this process. An object appears in a bucket only when it is whole.

While the bucket is away, whoever asks is told ``StorageUnavailable``. What is to be deleted then is
remembered, counts as gone, and goes when the bucket is there again.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import shutil
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from reenact.errors import SetupError
from server.errors import Gone, NotFound, StorageUnavailable
from server.storage.bucket import Bucket, is_away
from server.storage.leftovers import Leftover, Leftovers
from server.storage.local import TOKEN, LocalStorage
from server.storage.own import OwnFolder
from server.storage.storage import Found, Stored

log = logging.getLogger(__name__)
_UNKNOWN = "There is no such result; it may have been deleted or expired."


class RemoteStorage:
    """See ``Storage`` for what the methods promise; each that asks the bucket raises StorageUnavailable."""

    def __init__(self, url: str, folder: Path, lifetime: float, leftovers: Leftovers | None = None) -> None:
        """Connect nothing yet.

        Args:
            url: see ``Bucket``.
            folder: local, for what is being worked on.
            lifetime: of a result in seconds.
            leftovers: remember what cannot be deleted now; without them that raises StorageUnavailable.

        Raises:
            SetupError: the URL is of another kind.
            ExtraMissing: s3fs is not installed.
        """
        self._bucket, self._lifetime, self._leftovers = Bucket(url), lifetime, leftovers
        self._folder, self._own = LocalStorage(folder, lifetime), OwnFolder(folder.absolute() / "working")
        self._unshared: set[str] = set()  # places of which nothing is in the bucket

    def prepare(self) -> None:
        """Make the local folders, empty them of what is left, and try the bucket; raises SetupError.

        One that is away is no reason not to start: it will come back.
        """
        self._folder.prepare()
        self._own.delete_dead()
        try:
            self.probe()
        except SetupError as e:
            if not is_away(e.__cause__):
                raise
            log.error("%s It will be tried again.", e)

    def probe(self) -> None:
        """Write something in the bucket and delete it; raises SetupError."""
        self._bucket.probe()

    def open_place(self) -> str:
        """Make a new place, in the local folder for the time being."""
        place = secrets.token_hex(16)
        self._here(place).mkdir(mode=0o700)
        self._unshared.add(place)
        return place

    def upload(self, place: str, name: str) -> Path:
        """The local path of a file in a place."""
        return self._here(place) / name

    def share(self, place: str) -> None:
        """Move a place's files to the bucket."""
        self._unshared.discard(place)
        for file in self._here(place).iterdir():
            self._bucket.put(file, f"uploads/{place}/{file.name}")
        self._drop_here(place)

    @contextmanager
    def at_hand(self, place: str, attempt: str) -> Iterator[Path]:
        """Fetch a place's files, and delete the copies afterwards."""
        with self._own.room(attempt) as folder:
            for name in self._in_place(place):
                self._bucket.get(name, folder / _last(name))
            yield folder

    def drop(self, place: str) -> None:
        """Delete a place here and in the bucket."""
        self._drop_here(place)
        if place in self._unshared:
            self._unshared.discard(place)
        else:
            self._delete(Leftover("place", place))

    def drop_rest(self, place: str, keep: str) -> None:
        """Delete what is in a place but one file, which stays in the bucket alone."""
        self._drop_here(place)
        self._delete(Leftover("rest", place, keep))

    def copy(self, place: str, name: str, to: str) -> None:
        """Fetch a file for another place."""
        if self._deleted(Leftover("place", place)):
            raise FileNotFoundError(name)
        self._bucket.get(f"uploads/{place}/{name}", self.upload(to, name))

    def drop_others(self, keep: Collection[str], before: float) -> int:
        """Delete the old places that nobody needs any more and tell how many."""
        self._own.delete_dead()
        old = [each.name for each in self._bucket.objects("uploads") if each.written < before]
        orphans = {_place(name) for name in old} - set(keep)
        self._bucket.delete(name for name in old if _place(name) in orphans)
        return len(orphans) + self._folder.drop_others(keep, before)  # the latter are of earlier versions

    def publish(self, file: Path, token: str | None = None) -> Stored:
        """Upload a file among the results under a name of 256 random bits."""
        with file.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        size, token = file.stat().st_size, token or secrets.token_urlsafe(32) + file.suffix
        self._bucket.put(file, f"results/{token}")
        file.unlink()
        return Stored(token, size, digest, time.time() + self._lifetime)

    def find(self, token: str) -> Found:
        """A result; raises NotFound, and Gone when it is to be deleted or its time is over."""
        if not TOKEN.fullmatch(token):
            raise NotFound(_UNKNOWN)
        if self._deleted(Leftover("result", token)):
            raise Gone("This result was deleted.")
        try:
            found = self._bucket.info(f"results/{token}")
        except FileNotFoundError:
            raise NotFound(_UNKNOWN) from None
        expires = found.written + self._lifetime
        if expires <= time.time():
            raise Gone("This result has expired. Make it again.")
        return Found(token, found.bytes, expires, partial(self._bucket.open, found.name))

    def delete(self, token: str) -> None:
        """Delete a result."""
        self._delete(Leftover("result", token))

    def sweep(self) -> int:
        """Delete the results whose time is over and tell how many."""
        before = time.time() - self._lifetime
        old = [each.name for each in self._bucket.objects("results") if each.written < before]
        self._bucket.delete(old)
        return len(old)

    def delete_left(self) -> int:
        """Delete what could not be deleted before, and tell how much; the rest waits on."""
        self._own.delete_dead()
        if self._leftovers is None:
            return 0
        waiting = self._leftovers.all()
        for nth, left in enumerate(waiting):
            if not self._delete(left):
                return nth
            self._leftovers.remove(left)
        return len(waiting)

    def _delete(self, left: Leftover) -> bool:
        """Delete a thing, or remember to delete it; whether it is gone."""
        try:
            self._bucket.delete(self._names(left))
        except StorageUnavailable:
            if self._leftovers is None:
                raise
            self._leftovers.add(left)
            return False
        return True

    def _names(self, left: Leftover) -> list[str]:
        if left.kind == "result":
            return [f"results/{left.name}"]
        return [name for name in self._in_place(left.name) if _last(name) != left.keep]

    def _deleted(self, left: Leftover) -> bool:
        return self._leftovers is not None and self._leftovers.has(left)

    def _in_place(self, place: str) -> list[str]:
        return [each.name for each in self._bucket.objects(f"uploads/{place}")]

    def _here(self, place: str) -> Path:
        return self._own.path / place

    def _drop_here(self, place: str) -> None:
        shutil.rmtree(self._here(place), ignore_errors=True)


def _place(name: str) -> str:
    return name.split("/")[-2]


def _last(name: str) -> str:
    return name.rpartition("/")[2]
