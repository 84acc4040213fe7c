"""What verbs are given: files, standard input (``-``), pipes, process substitution; templates by id."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from reenact.errors import InputError, InvalidOption
from reenact.os_errors import reason, unwritable

if TYPE_CHECKING:
    from reenact.types import Template

STDIN = Path("-")
MOST = 100_000_000  # bytes, of a clip; the limits on pictures and clips judge what was copied
_CHUNK = 1 << 20


@contextmanager
def plain_files(*paths: Path) -> Iterator[tuple[Path, ...]]:
    """The paths, with a copy in place of each that can be read only once; the copies are deleted at the end.

    Raises:
        InvalidOption: standard input is named twice.
        InputError: one cannot be read.
        OutputError: there is no room for a copy.
    """
    if paths.count(STDIN) > 1:
        raise InvalidOption("Only one input can come from standard input (-). Name a file for the other.")
    with ExitStack() as stack:
        yield tuple(stack.enter_context(_copied(path)) if _flows(path) else path for path in paths)


def template_or_clip(name: str, folder: Path, model: str) -> Template | Path:
    """A template of this id, or else the file; ``./nod`` is always a file."""
    from reenact.errors import TemplateNotFound
    from reenact.gallery import get_template, template_ids

    if name in template_ids(folder):
        return get_template(name, folder, model)
    if Path(name).is_file():
        return Path(name)
    if Path(name).suffix or Path(name).name != name:
        raise TemplateNotFound(f"There is no clip {name}, and no template with this name.")
    return get_template(name, folder, model)  # raises, and names similar ids


def _flows(path: Path) -> bool:
    """Whether the path can be read only once: neither a regular file nor a folder."""
    return path == STDIN or (path.exists() and not path.is_file() and not path.is_dir())


@contextmanager
def _copied(path: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="reenact-") as folder:
        copy = Path(folder) / ("standard-input" if path == STDIN else path.name)
        try:
            source: BinaryIO = sys.stdin.buffer if path == STDIN else path.open("rb")
        except OSError as error:
            raise InputError(f"{path} cannot be read: {reason(error)}.") from error
        try:
            _copy(source, copy)
        finally:
            if path != STDIN:
                source.close()
        yield copy


def _copy(source: BinaryIO, copy: Path) -> None:
    """At most one byte more than is accepted."""
    left = MOST + 1
    try:
        with copy.open("wb") as target:
            while left and (part := source.read(min(left, _CHUNK))):
                target.write(part)
                left -= len(part)
    except OSError as error:
        raise unwritable(f"A copy of the input in {copy.parent.parent}", error) from error
