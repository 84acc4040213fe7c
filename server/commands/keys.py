"""``reenact-server keys``: make, list and revoke access keys."""

from __future__ import annotations

import argparse
from contextlib import closing
from datetime import UTC, datetime

from server.access.keys import Keys
from server.database.database import open_database
from server.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    asked = parser.add_subparsers(dest="do", required=True)
    add = asked.add_parser("add", help="make a key and show it once")
    add.add_argument("name", help="name of the key's owner")
    add.add_argument("--operator", action="store_true", help="the key may also change the gallery")
    asked.add_parser("list", help="show all keys")
    asked.add_parser("revoke", help="make a key invalid").add_argument("id", help="as the list shows it")


def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """Run the command; return the exit status.

    Raises:
        SetupError: the database cannot be used.
        NotFound: no valid key has this id.
    """
    with closing(open_database(settings.database, settings.data)) as database:
        _run(Keys(database), arguments)
    return 0


def _run(keys: Keys, arguments: argparse.Namespace) -> None:
    if arguments.do == "add":
        key, text = keys.add(arguments.name, arguments.operator)
        kind = "Operator key" if key.operator else "Key"
        print(f"{kind} {key.id} for {key.name}. It is shown only now:\n\n{text}\n")
        print(f"Its webhooks are signed with\n\n{keys.secret(key.id)}\n")
    elif arguments.do == "list":
        for each in keys.all():
            state = f"revoked {_date(each.revoked)}" if each.revoked else "valid"
            name = f"{each.name} (operator)" if each.operator else each.name
            print(f"{each.id}  {_date(each.created)}  {state:18}  {name}")
    else:
        keys.revoke(arguments.id)
        print(f"Key {arguments.id} is revoked.")


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()
