"""A disk that is small enough to be filled."""

from __future__ import annotations

import os
from pathlib import Path


class Disk:
    """A small file system of its own, which can be filled."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._filling = folder, folder / "filling"

    def fill(self, leave: int = 0) -> None:
        """Leave so many bytes free, rounded down to pages, whatever others write meanwhile."""
        self.empty()
        disk = os.statvfs(self.folder)
        with self._filling.open("wb", buffering=0) as file:
            while os.statvfs(self.folder).f_bavail > leave // disk.f_bsize:
                try:
                    file.write(bytes(disk.f_bsize))
                except OSError:  # another was faster
                    return

    def empty(self) -> None:
        """Take out what ``fill`` put in."""
        self._filling.unlink(missing_ok=True)
