"""``python -m server.commands.revision "what it changes"``: write the next revision, to be edited by hand.

Alembic compares ``METADATA`` with a database that has taken all steps so far.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from alembic import command

import server.container  # noqa: F401  # every table is made known to METADATA
from server.database.database import open_database
from server.database.migrations import configuration, known


def main(message: str) -> None:
    """Write the revision beside the others."""
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(None, Path(folder))
        config = configuration()
        with database.write() as connection:
            config.attributes["connection"] = connection
            number = f"{int(known()[0]) + 1:04}"
            command.revision(config, message, autogenerate=True, rev_id=number)
        database.close()


if __name__ == "__main__":
    main(" ".join(sys.argv[1:]))
