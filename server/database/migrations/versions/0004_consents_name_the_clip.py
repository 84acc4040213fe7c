"""A consent names the clip too that a face is put into."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Older processes write no clip, and know no orders that have one."""
    op.add_column("consents", sa.Column("clip", sa.String(80)))
