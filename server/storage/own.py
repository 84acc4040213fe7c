"""A folder for this process alone, inside one that several processes share.

A process that is killed cannot delete its files. So each process locks a file beside its folder, and the
system releases the lock when the process ends. Other processes delete a folder whose lock is free.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import IO

_OWNER_ONLY = 0o700


class ProcessFolder:
    """The folder, made when it is first asked for, and deleted with this object or when this process ends."""

    def __init__(self, parent: Path) -> None:
        """Only remembers where; ``parent`` is made when it is missing."""
        self._parent, self._lock = parent, Lock()
        self._path: Path | None = None

    @property
    def path(self) -> Path:
        """The folder."""
        with self._lock:
            if self._path is None:
                lock = _new_lock(self._parent)
                path = Path(lock.name).with_suffix("")
                path.mkdir(mode=_OWNER_ONLY)
                weakref.finalize(self, _delete_with_lock, lock)
                self._path = path
            return self._path

    @contextmanager
    def subfolder(self, name: str) -> Iterator[Path]:
        """A new folder in it, deleted afterwards with all that it holds then."""
        folder = self.path / name
        folder.mkdir(mode=_OWNER_ONLY)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def delete_abandoned(self) -> None:
        """Delete the folders of processes that have ended."""
        for file in self._parent.glob("*.lock"):
            with suppress(FileNotFoundError):  # another process deletes it too
                lock = file.open()
                if _try_lock(lock):
                    _delete_with_lock(lock)
                lock.close()


def _new_lock(parent: Path) -> IO[str]:
    """A new lock that this process holds."""
    parent.mkdir(mode=_OWNER_ONLY, parents=True, exist_ok=True)
    while True:
        lock = (parent / f"{secrets.token_hex(8)}.lock").open("w")
        if (
            _try_lock(lock) and os.fstat(lock.fileno()).st_nlink
        ):  # or another took it for one of a dead process
            return lock
        lock.close()


def _try_lock(lock: IO[str]) -> bool:
    """Whether this process holds the lock now; not where another does, or this one through another file."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _delete_with_lock(lock: IO[str]) -> None:
    """Delete a folder and then its lock, which is held."""
    file = Path(lock.name)
    shutil.rmtree(file.with_suffix(""), ignore_errors=True)
    if not file.with_suffix("").exists():
        file.unlink(missing_ok=True)
    lock.close()
