"""How the schema of the database came about, in steps that Alembic takes.

versions/    one revision a file, the oldest first; what they make together is what ``METADATA`` says
env.py       how Alembic runs them, on the connection that it is handed

``python -m server.commands.revision "what it changes"`` writes the next one; see CONTRIBUTING.md.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

FOLDER = Path(__file__).parent


def upgrade(connection: Connection) -> None:
    """Take the steps that a database lacks, in the transaction of the connection."""
    config = configuration()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def current(connection: Connection) -> str | None:
    """The last step that a database has taken; None where Alembic never saw it."""
    return MigrationContext.configure(connection).get_current_revision()


def known() -> list[str]:
    """All steps, the newest first."""
    return [step.revision for step in ScriptDirectory.from_config(configuration()).walk_revisions()]


def configuration() -> Config:
    """What Alembic would read from an alembic.ini."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    return config
