"""``reenact-server block``: faces that are not to be used; and ``consents``: who said that they may be."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from reenact.errors import InputError
from server.config import Settings
from server.database import Database

if TYPE_CHECKING:
    from reenact.face.fingerprint import Bits


def add_arguments(block: argparse.ArgumentParser, consents: argparse.ArgumentParser) -> None:
    """Declare what can be asked."""
    asked = block.add_subparsers(dest="do", required=True)
    add = asked.add_parser("add", help="refuse a photo, and what is made of it by cutting, scaling, encoding")
    add.add_argument("file", type=Path, help="the photo; only a fingerprint of its face is kept")
    add.add_argument("--face", type=int, default=0, metavar="N", help="which face, 0 is the largest")
    add.add_argument("--note", default="", help="your own, for instance the number of the request")
    asked.add_parser("list", help="show what is blocked")
    asked.add_parser("remove", help="allow it again").add_argument("id", help="as the list shows it")
    consents.add_argument("file", type=Path, nargs="?", help="only those for this photo, as it was sent")


def block(settings: Settings, arguments: argparse.Namespace) -> int:
    """Do it, and tell the exit status; raises SetupError where the database cannot be used."""
    from server.screening import Blocklist  # not before it is needed: it loads onnxruntime

    listed = Blocklist(_database(settings))
    try:
        if arguments.do == "add":
            face = listed.add(_fingerprint(arguments.file, arguments.face), arguments.note)
            print(f"Blocked as {face.id}. The photo itself is not kept.")
        elif arguments.do == "list":
            for each in listed.all():
                print(f"{each.id}  {_time(each.added)}  {each.note}")
        else:
            listed.remove(arguments.id)
            print(f"{arguments.id} is allowed again.")
    except InputError as e:
        print(f"reenact-server: {e}")
        return 1
    return 0


def consents(settings: Settings, arguments: argparse.Namespace) -> int:
    """Show the records of consent, and tell the exit status."""
    from server.screening import Consents, digest

    kept = Consents(_database(settings), settings.consent_days)
    for each in kept.find(digest(arguments.file) if arguments.file else None):
        print(f"{_time(each.given)}  key {each.owner or 'none'}  job {each.job}  {each.face}")
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


def _database(settings: Settings) -> Database:
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    database = Database(settings.database, settings.data)
    database.prepare()
    return database


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(" ", "seconds")
