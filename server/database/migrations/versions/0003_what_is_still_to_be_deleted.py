"""What could not be deleted is remembered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """A table of its own; processes of the release before do not need it."""
    op.create_table(
        "leftovers",
        sa.Column("kind", sa.String(8), primary_key=True),
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("keep", sa.String(64), nullable=False),
        sa.Column("tried", sa.Double, nullable=False),
    )
