"""What is kept of consent: that for this picture somebody said that it may be used, when, and with which key.

No picture and nothing of a face: the SHA-256 of the file that was sent. It outlives the job, and its deletion
too, since its use is to answer later, to someone who shows the same file: yes, on this day, with this key.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from sqlalchemy import Column, Connection, Double, Index, String, Table, delete, insert, select

from server.database.database import METADATA, Database

DAY = 86400.0

consents = Table(
    "consents",
    METADATA,
    Column("job", String(64), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("face", String(80), nullable=False),
    Column("given", Double, nullable=False),
    Column("clip", String(80)),
    Index("consents_by_face", "face"),
    Index("consents_by_time", "given"),
)


@dataclass(frozen=True)
class Consent:
    """That the sender of a job confirmed that its face may be used, and the clip that it is put into."""

    job: str  # id
    owner: str | None  # id of the access key
    face: str  # SHA-256 of the file as it was sent, or ``portrait:`` and the id
    given: float  # seconds since 1970
    clip: str | None = None  # of a swap: SHA-256 of the clip, or ``template:`` and the id


class Consents:
    """The records in one database."""

    def __init__(self, database: Database, days: float) -> None:
        """Each is kept for so many days; with 0 none is made."""
        self._database, self._days = database, days

    def add(
        self, connection: Connection, job: str, owner: str | None, face: str, clip: str | None = None
    ) -> None:
        """Note in the transaction that takes a job that consent was given for it just now."""
        if self._days:
            row = {"job": job, "owner": owner or "", "face": face, "clip": clip, "given": time.time()}
            connection.execute(insert(consents), row)

    def find(self, file: str | None = None) -> list[Consent]:
        """Those for one face or clip, or all; oldest first."""
        query = select(consents).order_by(consents.c.given)
        if file is not None:
            query = query.where((consents.c.face == file) | (consents.c.clip == file))
        with self._database.read() as connection:
            return [
                Consent(row["job"], row["owner"] or None, row["face"], row["given"], row["clip"])
                for row in connection.execute(query).mappings()
            ]

    def purge(self, now: float) -> int:
        """Delete those whose time is over and tell how many."""
        with self._database.write() as connection:
            old = consents.c.given < now - self._days * DAY
            return connection.execute(delete(consents).where(old)).rowcount
