"""Pictures that may ship, for people who have no selfie at hand and for the templates' previews."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from reenact.config import PORTRAITS
from reenact.errors import InvalidOption, SetupError


@dataclass(frozen=True)
class Portrait:
    """One picture with a face, and why it may be shown."""

    id: str
    title: str
    path: Path
    licence: str
    attribution: str
    source: str  # where the file was taken from


def list_portraits(folder: Path = PORTRAITS) -> list[Portrait]:
    """All portraits in the order of ``portraits.toml``; the first is the one that previews show.

    Raises:
        SetupError: the list or a picture is missing, or the list cannot be read.
    """
    try:
        entries = tomllib.loads((folder / "portraits.toml").read_text(encoding="utf-8"))["portraits"]
        portraits = [_portrait(folder, entry) for entry in entries]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SetupError(
            f"The list of portraits in {folder} is missing or damaged. Reinstall the package."
        ) from error
    for portrait in portraits:
        if not portrait.path.is_file():
            raise SetupError(f"The portrait {portrait.path.name} is missing. Reinstall the package.")
    return portraits


def get_portrait(id: str, folder: Path = PORTRAITS) -> Portrait:
    """One portrait.

    Raises:
        InvalidOption: there is none with this id.
        SetupError: see ``list_portraits``.
    """
    portraits = list_portraits(folder)
    for portrait in portraits:
        if portrait.id == id:
            return portrait
    known = ", ".join(portrait.id for portrait in portraits)
    raise InvalidOption(f"There is no portrait {id!r}; there are: {known}.")


def _portrait(folder: Path, entry: dict[str, str]) -> Portrait:
    return Portrait(
        id=entry["id"],
        title=entry["title"],
        path=folder / entry["file"],
        licence=entry["licence"],
        attribution=entry["attribution"],
        source=entry["source"],
    )
