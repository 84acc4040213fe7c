"""Orders have a version, and webhooks that are due an index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """What the first release wrote has version 1.

    Its number of the schema grows for the last time, so that it does not start on what it would read wrongly;
    its processes that run go on, since the column that they do not know has a default.
    """
    op.add_column("jobs", sa.Column("order_version", sa.Integer, nullable=False, server_default="1"))
    pending = sa.text("webhook_due IS NOT NULL")
    op.create_index(
        "jobs_by_webhook", "jobs", ["webhook_due"], sqlite_where=pending, postgresql_where=pending
    )
    op.execute("DELETE FROM schema_version")
    op.execute("INSERT INTO schema_version (version) VALUES (2)")
