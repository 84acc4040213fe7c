"""Files in a bucket (s3://), so that servers and workers on many machines share them.

<bucket>/<prefix>/uploads/<folder>/selfie, driving  until the job has ended
<bucket>/<prefix>/results/<token>.mp4               until it expires, counted from its modification time

Jobs work on copies in a local folder of this process. An object appears in a bucket only when it is complete.

While the bucket is unreachable, methods raise ``StorageUnavailable``. Deletions are recorded then, count as
done, and are made when the bucket can be reached again.
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
from server.storage.bucket import Bucket, is_unreachable
from server.storage.leftovers import Leftover, Leftovers
from server.storage.local import TOKEN, LocalStorage
from server.storage.own import ProcessFolder
from server.storage.storage import ResultFile, StoredResult

log = logging.getLogger(__name__)
_NOT_FOUND = "There is no such result. It may have been deleted or have expired."


class RemoteStorage:
    """See ``Storage`` for what the methods promise; each that asks the bucket raises StorageUnavailable."""

    def __init__(self, url: str, folder: Path, lifetime: float, leftovers: Leftovers | None = None) -> None:
        """Connect nothing yet.

        Args:
            url: see ``Bucket``.
            folder: local, for what is being worked on.
            lifetime: of a result in seconds.
            leftovers: record of failed deletions; without it they raise StorageUnavailable.

        Raises:
            SetupError: the URL is of another kind.
            ExtraMissing: s3fs is not installed.
        """
        self._bucket, self._lifetime, self._leftovers = Bucket(url), lifetime, leftovers
        self._folder = LocalStorage(folder, lifetime)
        self._process_folder = ProcessFolder(folder.absolute() / "working")
        self._unpublished: set[str] = set()  # upload folders that are local only

    def prepare(self) -> None:
        """Make the local folders, delete what dead processes left, and try the bucket; raises SetupError.

        An unreachable bucket does not keep the service from starting.
        """
        self._folder.prepare()
        self._process_folder.delete_abandoned()
        try:
            self.probe()
        except SetupError as e:
            if not is_unreachable(e.__cause__):
                raise
            log.error("%s It will be retried.", e)

    def probe(self) -> None:
        """Write something in the bucket and delete it; raises SetupError."""
        self._bucket.probe()

    def create_folder(self) -> str:
        """Make a new upload folder, local until its files are published."""
        folder = secrets.token_hex(16)
        self._local_path(folder).mkdir(mode=0o700)
        self._unpublished.add(folder)
        return folder

    def upload(self, folder: str, name: str) -> Path:
        """The local path of a file in an upload folder."""
        return self._local_path(folder) / name

    def publish_inputs(self, folder: str) -> None:
        """Move the files of an upload folder to the bucket."""
        self._unpublished.discard(folder)
        for file in self._local_path(folder).iterdir():
            self._bucket.put(file, f"uploads/{folder}/{file.name}")
        self._delete_local(folder)

    @contextmanager
    def checked_out(self, folder: str, attempt: str) -> Iterator[Path]:
        """Download the files of an upload folder, and delete the copies afterwards."""
        with self._process_folder.subfolder(attempt) as copies:
            for name in self._objects_of(folder):
                self._bucket.get(name, copies / _file_name(name))
            yield copies

    def delete_folder(self, folder: str) -> None:
        """Delete an upload folder here and in the bucket."""
        self._delete_local(folder)
        if folder in self._unpublished:
            self._unpublished.discard(folder)
        else:
            self._delete(Leftover("place", folder))

    def delete_all_but(self, folder: str, keep: str) -> None:
        """Delete all files but one, which stays in the bucket only."""
        self._delete_local(folder)
        self._delete(Leftover("rest", folder, keep))

    def copy(self, folder: str, name: str, to: str) -> None:
        """Download a file to another upload folder."""
        if self._is_leftover(Leftover("place", folder)):
            raise FileNotFoundError(name)
        self._bucket.get(f"uploads/{folder}/{name}", self.upload(to, name))

    def delete_orphans(self, keep: Collection[str], before: float) -> int:
        """Delete the old upload folders that no job needs; return how many."""
        self._process_folder.delete_abandoned()
        old = [each.name for each in self._bucket.objects("uploads") if each.written < before]
        orphans = {_folder_of(name) for name in old} - set(keep)
        self._bucket.delete(name for name in old if _folder_of(name) in orphans)
        return len(orphans) + self._folder.delete_orphans(keep, before)  # the latter are of earlier versions

    def publish(self, file: Path, token: str | None = None) -> StoredResult:
        """Upload a file among the results under a name of 256 random bits."""
        with file.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        size, token = file.stat().st_size, token or secrets.token_urlsafe(32) + file.suffix
        self._bucket.put(file, f"results/{token}")
        file.unlink()
        return StoredResult(token, size, digest, time.time() + self._lifetime)

    def find(self, token: str) -> ResultFile:
        """A result; raises NotFound, and Gone if it was deleted or has expired."""
        if not TOKEN.fullmatch(token):
            raise NotFound(_NOT_FOUND)
        if self._is_leftover(Leftover("result", token)):
            raise Gone("This result was deleted.")
        try:
            found = self._bucket.info(f"results/{token}")
        except FileNotFoundError:
            raise NotFound(_NOT_FOUND) from None
        expires = found.written + self._lifetime
        if expires <= time.time():
            raise Gone("This result has expired. Make it again.")
        return ResultFile(token, found.bytes, expires, partial(self._bucket.open, found.name))

    def delete(self, token: str) -> None:
        """Delete a result."""
        self._delete(Leftover("result", token))

    def sweep(self) -> int:
        """Delete the expired results; return how many."""
        before = time.time() - self._lifetime
        old = [each.name for each in self._bucket.objects("results") if each.written < before]
        self._bucket.delete(old)
        return len(old)

    def delete_leftovers(self) -> int:
        """Retry recorded deletions, and return how many succeeded."""
        self._process_folder.delete_abandoned()
        if self._leftovers is None:
            return 0
        waiting = self._leftovers.all()
        for nth, leftover in enumerate(waiting):
            if not self._delete(leftover):
                return nth
            self._leftovers.remove(leftover)
        return len(waiting)

    def _delete(self, leftover: Leftover) -> bool:
        """Delete something, or record that it must be deleted; whether it was deleted."""
        try:
            self._bucket.delete(self._objects_to_delete(leftover))
        except StorageUnavailable:
            if self._leftovers is None:
                raise
            self._leftovers.add(leftover)
            return False
        return True

    def _objects_to_delete(self, leftover: Leftover) -> list[str]:
        if leftover.kind == "result":
            return [f"results/{leftover.name}"]
        return [name for name in self._objects_of(leftover.name) if _file_name(name) != leftover.keep]

    def _is_leftover(self, leftover: Leftover) -> bool:
        return self._leftovers is not None and self._leftovers.has(leftover)

    def _objects_of(self, folder: str) -> list[str]:
        return [each.name for each in self._bucket.objects(f"uploads/{folder}")]

    def _local_path(self, folder: str) -> Path:
        return self._process_folder.path / folder

    def _delete_local(self, folder: str) -> None:
        shutil.rmtree(self._local_path(folder), ignore_errors=True)


def _folder_of(name: str) -> str:
    return name.split("/")[-2]


def _file_name(name: str) -> str:
    return name.rpartition("/")[2]
