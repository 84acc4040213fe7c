"""What the service asks of whatever keeps its files."""

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
    expires: float  # when its time is over, in seconds since 1970
    open: Callable[
        [], BinaryIO
    ]  # for reading and seeking, to be closed; FileNotFoundError: it is gone by now


class Storage(Protocol):
    """Keeps uploads and results. All methods may be called from any thread.

    Where the files cannot be reached, all but those that delete raise StorageUnavailable.
    """

    def prepare(self) -> None:
        """Make ready; raises SetupError."""
        ...

    def create_folder(self) -> str:
        """Make a new place for one job's files and return its name."""
        ...

    def upload(self, folder: str, name: str) -> Path:
        """The local path of a file in a place; it need not exist yet."""
        ...

    def publish_inputs(self, folder: str) -> None:
        """Bring a place with all its files to where every worker finds it."""
        ...

    def checked_out(self, folder: str, attempt: str) -> AbstractContextManager[Path]:
        """While it lasts, a local folder with the files of a shared place, in which others may be made.

        It belongs to the attempt of this name alone. Another attempt at the same job, which lost its lease or
        took this one's, neither sees what is made there nor deletes it.
        """
        ...

    def delete_folder(self, folder: str) -> None:
        """Delete a place with all that is in it; one that is gone is fine."""
        ...

    def delete_all_but(self, folder: str, keep: str) -> None:
        """Delete what is in a place but one file, or "" for none; a place that is gone is fine."""
        ...

    def copy(self, folder: str, name: str, to: str) -> None:
        """Copy a file of a place, shared or not, to one that was just opened; raises FileNotFoundError."""
        ...

    def delete_orphans(self, keep: Collection[str], before: float) -> int:
        """Delete the places, made before this time, that nobody needs any more; tell how many."""
        ...

    def publish(self, file: Path, token: str | None = None) -> StoredResult:
        """Move a whole file among the results; it appears there all at once.

        Args:
            file: its suffix names its format.
            token: 43 random characters from A-Za-z0-9_- and the suffix; None means that one is made.
        """
        ...

    def find(self, token: str) -> ResultFile:
        """A result's file; raises NotFound, and Gone when its time is over."""
        ...

    def delete(self, token: str) -> None:
        """Delete a result; one that is gone is fine."""
        ...

    def delete_leftovers(self) -> int:
        """Delete what could not be deleted when that was asked for, and what dead processes left.

        Tells how much is gone now that was asked for.
        """
        ...

    def sweep(self) -> int:
        """Delete the results whose time is over and tell how many."""
        ...
