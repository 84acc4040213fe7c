"""``reenact-server block``: faces that are not to be used; and ``consents``: who said that they may be."""

from __future__ import annotations

import argparse
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from reenact.errors import InvalidOption
from server.database.database import open_database
from server.settings import Settings

if TYPE_CHECKING:
    from reenact.face.fingerprint import Bits
    from server.screening import Blocklist


def add_arguments(block: argparse.ArgumentParser, consents: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    asked = block.add_subparsers(dest="do", required=True)
    add = asked.add_parser("add", help="refuse a photo, also if it is cropped, scaled or re-encoded")
    add.add_argument("file", type=Path, help="the photo; only a fingerprint of its face is kept")
    add.add_argument("--face", type=int, default=0, metavar="N", help="which face, 0 is the largest")
    add.add_argument("--note", default="", help="free text, for instance the number of the request")
    asked.add_parser("list", help="show what is blocked")
    asked.add_parser("remove", help="allow it again").add_argument("id", help="as the list shows it")
    consents.add_argument("file", type=Path, nargs="?", help="show only those for exactly this file")


def block(settings: Settings, arguments: argparse.Namespace) -> int:
    """Run the command; return the exit status.

    Raises:
        SetupError: the database cannot be used.
        InputError: the photo cannot, or nothing has this id.
    """
    from server.screening import Blocklist  # not before it is needed: it loads onnxruntime

    with closing(open_database(settings.database, settings.data)) as database:
        _block(Blocklist(database), arguments)
    return 0


def _block(listed: Blocklist, arguments: argparse.Namespace) -> None:
    if arguments.do == "add":
        face = listed.add(_fingerprint(arguments.file, arguments.face), arguments.note)
        print(f"Blocked as {face.id}. The photo itself is not kept.")
    elif arguments.do == "list":
        for each in listed.all():
            print(f"{each.id}  {_time(each.added)}  {each.note}")
    else:
        listed.remove(arguments.id)
        print(f"{arguments.id} is allowed again.")


def consents(settings: Settings, arguments: argparse.Namespace) -> int:
    """Show the records of consent; return the exit status; raises SetupError and InvalidOption."""
    from server.screening import Consents, digest

    if arguments.file and not arguments.file.is_file():
        raise InvalidOption(f"There is no file {arguments.file}.")
    with closing(open_database(settings.database, settings.data)) as database:
        kept = Consents(database, settings.consent_days)
        found = kept.find(digest(arguments.file) if arguments.file else None)
    for each in found:
        print(
            f"{_time(each.given)}  key {each.owner or 'none'}  job {each.job}  {each.face}"
            + (f"  clip {each.clip}" if each.clip else "")
        )
    if arguments.file and not found:
        print("There is no record for this file: it was not used here, or the record has expired.")
    return 0


def _fingerprint(file: Path, which: int) -> Bits:
    """Of one face of a photo; raises InputError."""
    from reenact.engine import Engine
    from reenact.face.align import choose
    from reenact.face.fingerprint import fingerprints
    from reenact.media import read_picture

    picture = read_picture(file)
    face = choose(Engine(device="cpu").finder.find(picture), which)
    fingerprint: Bits = fingerprints(picture, [face])[0, 0]
    return fingerprint


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(" ", "seconds")
