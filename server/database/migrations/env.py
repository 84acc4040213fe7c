"""Alembic runs this for each of its commands; the connection comes from ``server.database.migrations``."""

from alembic import context

from server.database.database import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
with context.begin_transaction():
    context.run_migrations()
