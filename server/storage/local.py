"""Files in a local folder.

uploads/<folder>/selfie, driving            until the job has ended
working/<process>/<attempt>/selfie, ...mp4  while an attempt at it lasts
results/<token>.mp4                         until it expires, counted from its modification time
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from reenact.errors import SetupError
from reenact.os_errors import reason
from server.errors import Gone, NotFound
from server.storage.own import ProcessFolder
from server.storage.storage import ResultFile, StoredResult

TOKEN = re.compile(r"[A-Za-z0-9_-]{43}\.(mp4|gif|webp)")
_OWNER_ONLY = 0o700


class LocalStorage:
    """See ``Storage`` for what the methods promise."""

    def __init__(self, folder: Path, lifetime: float) -> None:
        """Results live ``lifetime`` seconds. Nothing is touched before ``prepare``."""
        self._uploads, self._results = folder.absolute() / "uploads", folder.absolute() / "results"
        self._lifetime, self._process_folder = lifetime, ProcessFolder(folder.absolute() / "working")

    def prepare(self) -> None:
        """Make the folders.

        Raises:
            SetupError: the folder cannot be written.
        """
        try:
            for folder in (self._uploads, self._results):
                folder.mkdir(mode=_OWNER_ONLY, parents=True, exist_ok=True)
            self.delete_folder(self.create_folder())
            self._process_folder.delete_abandoned()
        except OSError as e:
            raise SetupError(
                f"The folder {self._uploads.parent} cannot be written: {reason(e)}. "
                "Name another in REENACT_DATA."
            ) from e

    def create_folder(self) -> str:
        """Make a new folder for one job's files."""
        folder = secrets.token_hex(16)
        (self._uploads / folder).mkdir(mode=_OWNER_ONLY)
        return folder

    def upload(self, folder: str, name: str) -> Path:
        """The path of a file in an upload folder."""
        return self._uploads / folder / name

    def publish_inputs(self, folder: str) -> None:
        """Nothing to do: every worker of this storage sees the folder."""

    @contextmanager
    def checked_out(self, folder: str, attempt: str) -> Iterator[Path]:
        """Link the files of an upload folder, and delete the links afterwards."""
        with self._process_folder.subfolder(attempt) as copies:
            for file in self._files(folder):
                _link(file, copies / file.name)
            yield copies

    def delete_folder(self, folder: str) -> None:
        """Delete an upload folder with its files."""
        shutil.rmtree(self._uploads / folder, ignore_errors=True)

    def delete_all_but(self, folder: str, keep: str) -> None:
        """Delete all files of an upload folder but one."""
        for path in self._files(folder):
            if path.name != keep:
                path.unlink(missing_ok=True)

    def copy(self, folder: str, name: str, to: str) -> None:
        """Copy a file to another upload folder."""
        shutil.copyfile(self.upload(folder, name), self.upload(to, name))

    def delete_orphans(self, keep: Collection[str], before: float) -> int:
        """Delete the old upload folders that no job needs; return how many."""
        self._process_folder.delete_abandoned()
        old = [folder for folder in self._uploads.iterdir() if (_modified(folder) or before) < before]
        orphans = [folder.name for folder in old if folder.name not in keep]
        for name in orphans:
            self.delete_folder(name)
        return len(orphans)

    def publish(self, file: Path, token: str | None = None) -> StoredResult:
        """Move a file among the results under a name of 256 random bits."""
        with file.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        now = time.time()
        os.utime(file, (now, now))
        size = file.stat().st_size
        token = token or secrets.token_urlsafe(32) + file.suffix
        os.replace(file, self._results / token)
        return StoredResult(token, size, digest, now + self._lifetime)

    def find(self, token: str) -> ResultFile:
        """A result's file; raises NotFound, and Gone if it has expired."""
        path = self._results / token
        try:
            now = path.stat() if TOKEN.fullmatch(token) else None
        except FileNotFoundError:
            now = None
        if now is None:
            raise NotFound("There is no such result. It may have been deleted or have expired.")
        expires = now.st_mtime + self._lifetime
        if expires <= time.time():
            raise Gone("This result has expired. Make it again.")
        return ResultFile(token, now.st_size, expires, lambda: path.open("rb"))

    def delete(self, token: str) -> None:
        """Delete a result."""
        (self._results / token).unlink(missing_ok=True)

    def delete_leftovers(self) -> int:
        """Delete what dead processes left. Deleting a local file never has to be retried."""
        self._process_folder.delete_abandoned()
        return 0

    def sweep(self) -> int:
        """Delete the expired results; return how many."""
        now = time.time()
        old = [path for path in self._results.iterdir() if (self._expires(path) or now) < now]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)

    def _files(self, folder: str) -> list[Path]:
        path = self._uploads / folder
        return list(path.iterdir()) if path.is_dir() else []

    def _expires(self, path: Path) -> float | None:
        """When a file expires; None if it does not exist."""
        made = _modified(path)
        return None if made is None else made + self._lifetime


def _link(file: Path, to: Path) -> None:
    """Hard-link a file, or copy it where the file system has no hard links."""
    try:
        os.link(file, to)
    except FileNotFoundError:  # deleted meanwhile, as at the end of its job
        pass
    except OSError:
        shutil.copyfile(file, to)


def _modified(path: Path) -> float | None:
    """Modification time; None if the file does not exist."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return None
