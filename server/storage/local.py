"""Files in a local folder.

uploads/<place>/selfie, driving             while a job lives
working/<process>/<attempt>/selfie, ...mp4  while an attempt at it lasts
results/<token>.mp4                         until its time is over, counted from the file's own date
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
from server.storage.own import OwnFolder
from server.storage.storage import Found, Stored

TOKEN = re.compile(r"[A-Za-z0-9_-]{43}\.(mp4|gif|webp)")
_OWNER_ONLY = 0o700


class LocalStorage:
    """See ``Storage`` for what the methods promise."""

    def __init__(self, folder: Path, lifetime: float) -> None:
        """Results live ``lifetime`` seconds. Nothing is touched before ``prepare``."""
        self._uploads, self._results = folder.absolute() / "uploads", folder.absolute() / "results"
        self._lifetime, self._own = lifetime, OwnFolder(folder.absolute() / "working")

    def prepare(self) -> None:
        """Make the folders.

        Raises:
            SetupError: the folder cannot be written.
        """
        try:
            for folder in (self._uploads, self._results):
                folder.mkdir(mode=_OWNER_ONLY, parents=True, exist_ok=True)
            self.drop(self.open_place())
            self._own.delete_dead()
        except OSError as e:
            raise SetupError(
                f"The folder {self._uploads.parent} cannot be written: {reason(e)}. "
                "Name another in REENACT_DATA."
            ) from e

    def open_place(self) -> str:
        """Make a new folder for one job's files."""
        place = secrets.token_hex(16)
        (self._uploads / place).mkdir(mode=_OWNER_ONLY)
        return place

    def upload(self, place: str, name: str) -> Path:
        """The path of a file in a place."""
        return self._uploads / place / name

    def share(self, place: str) -> None:
        """Nothing to do: every worker of this storage sees the folder."""

    @contextmanager
    def at_hand(self, place: str, attempt: str) -> Iterator[Path]:
        """Link a place's files, and delete the links afterwards."""
        with self._own.room(attempt) as folder:
            for file in self._files(place):
                _link(file, folder / file.name)
            yield folder

    def drop(self, place: str) -> None:
        """Delete a place with all that is in it."""
        shutil.rmtree(self._uploads / place, ignore_errors=True)

    def drop_rest(self, place: str, keep: str) -> None:
        """Delete what is in a place but one file."""
        for path in self._files(place):
            if path.name != keep:
                path.unlink(missing_ok=True)

    def copy(self, place: str, name: str, to: str) -> None:
        """Copy a file to another place."""
        shutil.copyfile(self.upload(place, name), self.upload(to, name))

    def drop_others(self, keep: Collection[str], before: float) -> int:
        """Delete the old places that nobody needs any more and tell how many."""
        self._own.delete_dead()
        old = [place for place in self._uploads.iterdir() if (_time_of(place) or before) < before]
        orphans = [place.name for place in old if place.name not in keep]
        for name in orphans:
            self.drop(name)
        return len(orphans)

    def publish(self, file: Path, token: str | None = None) -> Stored:
        """Move a file among the results under a name of 256 random bits."""
        with file.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        now = time.time()
        os.utime(file, (now, now))
        size = file.stat().st_size
        token = token or secrets.token_urlsafe(32) + file.suffix
        os.replace(file, self._results / token)
        return Stored(token, size, digest, now + self._lifetime)

    def find(self, token: str) -> Found:
        """A result's file; raises NotFound, and Gone when its time is over."""
        path = self._results / token
        try:
            now = path.stat() if TOKEN.fullmatch(token) else None
        except FileNotFoundError:
            now = None
        if now is None:
            raise NotFound("There is no such result; it may have been deleted or expired.")
        expires = now.st_mtime + self._lifetime
        if expires <= time.time():
            raise Gone("This result has expired. Make it again.")
        return Found(token, now.st_size, expires, lambda: path.open("rb"))

    def delete(self, token: str) -> None:
        """Delete a result."""
        (self._results / token).unlink(missing_ok=True)

    def delete_left(self) -> int:
        """Delete what dead processes left; what is deleted here is gone."""
        self._own.delete_dead()
        return 0

    def sweep(self) -> int:
        """Delete the results whose time is over and tell how many."""
        now = time.time()
        old = [path for path in self._results.iterdir() if (self._expires(path) or now) < now]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)

    def _files(self, place: str) -> list[Path]:
        folder = self._uploads / place
        return list(folder.iterdir()) if folder.is_dir() else []

    def _expires(self, path: Path) -> float | None:
        """When a file's time is over; None when there is no such file."""
        made = _time_of(path)
        return None if made is None else made + self._lifetime


def _link(file: Path, to: Path) -> None:
    """Give a file a second name, or copy it where the file system has no such thing."""
    try:
        os.link(file, to)
    except FileNotFoundError:  # deleted meanwhile, as at the end of its job
        pass
    except OSError:
        shutil.copyfile(file, to)


def _time_of(path: Path) -> float | None:
    """When it was changed; None when there is nothing."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return None
