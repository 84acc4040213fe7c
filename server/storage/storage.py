"""The interface of a storage for uploads and results."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

SELFIE = "selfie"
DRIVING = "driving"


@dataclass(frozen=True)
class StoredResult:
    """A published result. ``expires`` is in seconds since 1970."""

    token: str  # its unguessable name, with the suffix of its format
    bytes: int
    sha256: str
    expires: float


@dataclass(frozen=True)
class ResultFile:
    """A result that can be fetched."""

    token: str
    bytes: int
    expires: float  # when it expires, in seconds since 1970
    open: Callable[
        [], BinaryIO
    ]  # for reading and seeking, to be closed; FileNotFoundError: it is gone by now


class Storage(Protocol):
    """Keeps uploads and results. All methods may be called from any thread.

    If the files cannot be reached, all methods except deletions raise StorageUnavailable.
    """

    def prepare(self) -> None:
        """Make ready; raises SetupError."""
        ...

    def create_folder(self) -> str:
        """Make a new folder for the uploads of one job; return its name."""
        ...

    def upload(self, folder: str, name: str) -> Path:
        """The local path of a file in an upload folder; it need not exist yet."""
        ...

    def publish_inputs(self, folder: str) -> None:
        """Make an upload folder visible to all workers."""
        ...

    def checked_out(self, folder: str, attempt: str) -> AbstractContextManager[Path]:
        """A context with a local folder that has copies of the published uploads, for one attempt.

        No other attempt at the same job sees or deletes what is written there.
        """
        ...

    def delete_folder(self, folder: str) -> None:
        """Delete an upload folder with its files; it need not exist."""
        ...

    def delete_all_but(self, folder: str, keep: str) -> None:
        """Delete all files of an upload folder but ``keep``, which may be ""; the folder need not exist."""
        ...

    def copy(self, folder: str, name: str, to: str) -> None:
        """Copy a file to an upload folder that was just created; raises FileNotFoundError."""
        ...

    def delete_orphans(self, keep: Collection[str], before: float) -> int:
        """Delete the upload folders made before this time that no job needs; return how many."""
        ...

    def publish(self, file: Path, token: str | None = None) -> StoredResult:
        """Move a complete file to the results, atomically.

        Args:
            file: its suffix names its format.
            token: 43 random characters from A-Za-z0-9_- and the suffix; None means that one is made.
        """
        ...

    def find(self, token: str) -> ResultFile:
        """A result's file; raises NotFound, and Gone if it has expired."""
        ...

    def delete(self, token: str) -> None:
        """Delete a result; it need not exist."""
        ...

    def delete_leftovers(self) -> int:
        """Retry deletions that failed, and delete what dead processes left.

        Returns how many of the former succeeded.
        """
        ...

    def sweep(self) -> int:
        """Delete the expired results; return how many."""
        ...
