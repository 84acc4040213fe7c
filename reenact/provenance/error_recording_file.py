"""The file that c2pa writes to."""

from __future__ import annotations

from io import FileIO
from typing import Any


class ErrorRecordingFile(FileIO):
    """A file, beneath Python's buffers, that remembers why it could not be written.

    c2pa's library drops what its streams raise, and says "embedding error" of a full disk.
    """

    failure: OSError | None = None

    def write(self, data: Any) -> int:
        """As every file."""
        try:
            return super().write(data)
        except OSError as error:
            self.failure = error
            raise
