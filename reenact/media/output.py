"""Output paths: their checks, and files that appear only when they are complete."""

from __future__ import annotations

import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av

from reenact.errors import OutputError, ReenactError
from reenact.os_errors import unwritable


class FramesFailed(Exception):
    """Carries an exception of the caller's frames past the handlers of the encoders' errors."""

    def __init__(self, error: Exception) -> None:
        self.error = error


def require_regular_file(out: Path) -> None:
    """Raise OutputError for a path that no file may replace: a folder, a device, a loop of links."""
    try:
        mode = out.stat().st_mode
    except FileNotFoundError:
        return
    except (OSError, ValueError) as e:  # ValueError: a name with a zero byte
        raise unwritable(f"The file {out}", e) from e
    if stat.S_ISDIR(mode):
        raise OutputError(f"{out} is a folder; give a file name.")
    if not stat.S_ISREG(mode):
        raise OutputError(f"{out} is a device or a pipe. The result needs a regular file; give another name.")


@contextmanager
def part_file(out: Path) -> Iterator[Path]:
    """An empty file beside ``out``, removed at the end unless it was renamed.

    It is made first, so that an unwritable folder is found before any work is done.
    """
    part = out.parent / f".{secrets.token_hex(8)}.part"
    try:  # from here on, since a signal may end the program at any time
        try:
            part.open("xb").close()
        except OSError as e:
            raise unwritable(f"The folder {out.parent}", e) from e
        yield part
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def output_errors(out: Path) -> Iterator[None]:
    """Turn the encoders' errors into OutputError; those of the caller's frames go on as they are."""
    try:
        yield
    except ReenactError:
        raise
    except FramesFailed as e:
        raise e.error from None
    except (OSError, MemoryError, av.FFmpegError) as e:
        raise unwritable(f"The file {out}", e) from e
