"""Portraits for users without a selfie: those that ship, and a folder of further ones."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from reenact.config import PORTRAITS
from reenact.errors import InvalidOption, SetupError
from reenact.gallery.templates import is_slug
from reenact.os_errors import reason


@dataclass(frozen=True)
class Portrait:
    """One picture with a face, and why it may be shown."""

    id: str
    title: str
    path: Path
    licence: str
    attribution: str
    source: str  # where the file was taken from


LIST = "portraits.toml"
FAMOUS = PORTRAITS / "famous.toml"  # what is known of portraits that `reenact portraits fetch` takes
_PICTURES = {".jpg", ".jpeg", ".png", ".webp"}  # what every browser shows


def list_portraits(folder: Path = PORTRAITS, more: Path | None = None) -> list[Portrait]:
    """All portraits in the order of ``portraits.toml``; the first is the one that previews show.

    Args:
        folder: the portraits that ship.
        more: a folder of further pictures, listed after them; see ``list_more``.

    Raises:
        SetupError: the list or a picture is missing, or the list cannot be read.
    """
    try:
        entries = _entries((folder / LIST).read_text(encoding="utf-8"))
        portraits = [_portrait(folder, entry) for entry in entries]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SetupError(
            f"The list of portraits in {folder} is missing or damaged. Reinstall the package."
        ) from error
    for portrait in portraits:
        if not portrait.path.is_file():
            raise SetupError(f"The portrait {portrait.path.name} is missing. Reinstall the package.")
    known = {portrait.id for portrait in portraits}
    return portraits + [each for each in list_more(more) if each.id not in known]


def list_more(folder: Path | None) -> list[Portrait]:
    """The pictures of a folder that an operator or ``fetch_portraits`` filled; none where it is missing.

    A file's name without its suffix is its id: small letters, digits and hyphens; others are left out. Title,
    licence, attribution and source come from the folder's own ``portraits.toml``, or else from what is known
    of famous portraits; a picture that neither knows has the licence "Unknown" and comes after the others.

    Raises:
        SetupError: the folder's list cannot be read.
    """
    if folder is None or not folder.is_dir():
        return []
    own = folder / LIST
    facts = _facts(FAMOUS) | (_facts(own) if own.is_file() else {})
    files = {path.stem: path for path in sorted(folder.iterdir()) if path.suffix.lower() in _PICTURES}
    ids = [*(id for id in facts if id in files), *(id for id in files if id not in facts)]
    return [_named(id, files[id], facts.get(id, {})) for id in ids if is_slug(id)]


def get_portrait(id: str, folder: Path = PORTRAITS, more: Path | None = None) -> Portrait:
    """One portrait.

    Raises:
        InvalidOption: there is none with this id.
        SetupError: see ``list_portraits``.
    """
    portraits = list_portraits(folder, more)
    for portrait in portraits:
        if portrait.id == id:
            return portrait
    known = ", ".join(portrait.id for portrait in portraits)
    raise InvalidOption(f"There is no portrait {id!r}; there are: {known}.")


@lru_cache(maxsize=4)
def _entries(text: str) -> Any:
    """The entries of a list, to be read only; every order for a portrait asks for them."""
    return tomllib.loads(text)["portraits"]


def _portrait(folder: Path, entry: dict[str, str]) -> Portrait:
    return Portrait(
        id=entry["id"],
        title=entry["title"],
        path=folder / entry["file"],
        licence=entry["licence"],
        attribution=entry["attribution"],
        source=entry["source"],
    )


def _facts(list: Path) -> dict[str, dict[str, Any]]:
    try:
        entries = _entries(list.read_text(encoding="utf-8"))
        return {entry["id"]: entry for entry in entries}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SetupError(f"The list of portraits {list} cannot be read: {reason(error)}.") from error


def _named(id: str, path: Path, facts: dict[str, Any]) -> Portrait:
    return Portrait(
        id=id,
        title=str(facts.get("title", id.replace("-", " ").title())),
        path=path,
        licence=str(facts.get("licence", "Unknown")),
        attribution=str(facts.get("attribution", "Not named")),
        source=str(facts.get("source", path.name)),
    )
