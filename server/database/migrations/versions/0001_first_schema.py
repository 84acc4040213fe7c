"""The schema of the first release, which made its tables without Alembic.

Its databases have these tables already, or some of them: it added the later ones as it met them.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make what tables and indexes are missing."""
    _jobs()
    _access()
    _faces()
    op.create_table("schema_version", sa.Column("version", sa.Integer, primary_key=True), if_not_exists=True)


def _jobs() -> None:
    json = sa.JSON(none_as_null=True)
    op.create_table(
        "jobs",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer, "sqlite"),
            primary_key=True,
            autoincrement=True,
        ),
        sa.Column("id", sa.String(64), nullable=False, unique=True),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("place", sa.String(64), nullable=False),
        sa.Column("order", json, nullable=False),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("started", sa.Double),
        sa.Column("ended", sa.Double),
        sa.Column("frames_total", sa.Integer, nullable=False),
        sa.Column("frames_done", sa.Integer, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("lease", sa.String(64)),
        sa.Column("lease_until", sa.Double),
        sa.Column("idempotency_key", sa.String(255)),
        sa.Column("idempotency_digest", sa.String(128)),
        sa.Column("webhook", sa.Text),
        sa.Column("webhook_due", sa.Double),
        sa.Column("webhook_tries", sa.Integer, nullable=False),
        sa.Column("metadata", sa.Text),
        sa.Column("outcome", json),
        sa.Column("failure", json),
        sa.UniqueConstraint("owner", "idempotency_key"),
        sqlite_autoincrement=True,
        if_not_exists=True,
    )
    op.create_index("jobs_by_status", "jobs", ["status", "owner"], if_not_exists=True)
    op.create_index("jobs_by_start", "jobs", ["started"], if_not_exists=True)


def _access() -> None:
    op.create_table(
        "keys",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False, unique=True),
        sa.Column("secret", sa.String(64), nullable=False),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("revoked", sa.Double),
        if_not_exists=True,
    )
    op.create_table("operators", sa.Column("key", sa.String(16), primary_key=True), if_not_exists=True)
    op.create_table(
        "secrets",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("value", sa.String(64), nullable=False),
        if_not_exists=True,
    )


def _faces() -> None:
    op.create_table(
        "consents",
        sa.Column("job", sa.String(64), primary_key=True),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("face", sa.String(80), nullable=False),
        sa.Column("given", sa.Double, nullable=False),
        if_not_exists=True,
    )
    op.create_index("consents_by_face", "consents", ["face"], if_not_exists=True)
    op.create_index("consents_by_time", "consents", ["given"], if_not_exists=True)
    op.create_table(
        "blocked_faces",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("note", sa.String(200), nullable=False),
        sa.Column("added", sa.Double, nullable=False),
        if_not_exists=True,
    )
