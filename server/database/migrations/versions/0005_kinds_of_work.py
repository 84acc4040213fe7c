"""Jobs have a kind of work, and workers say which kinds they take."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """All that older releases have written, and go on writing, is of the one kind that they know."""
    op.add_column("jobs", sa.Column("kind", sa.String(16), nullable=False, server_default="animate"))
    op.create_table(
        "workers",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("kinds", sa.Text, nullable=False),
        sa.Column("seen", sa.Double, nullable=False),
    )
