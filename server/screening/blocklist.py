"""Faces of people who asked not to be used: fingerprints of their photos, no pictures."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Column, Double, String, Table, delete, insert, select

from reenact.face.fingerprint import BITS, MAX_COPY_DISTANCE, Bits, hamming_distance
from server.database.database import METADATA, Database
from server.errors import NotFound

NOTE_LENGTH = 200

blocked = Table(
    "blocked_faces",
    METADATA,
    Column("id", String(16), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("note", String(NOTE_LENGTH), nullable=False),
    Column("added", Double, nullable=False),
)


@dataclass(frozen=True)
class BlockedFace:
    """One photo of a face that is not to be used."""

    id: str
    fingerprint: Bits  # (BITS,)
    note: str  # the operator's own, for instance the number of the request
    added: float  # seconds since 1970


class Blocklist:
    """The list in one database."""

    def __init__(self, database: Database) -> None:
        """Only remembers the database."""
        self._database = database

    def add(self, fingerprint: Bits, note: str = "") -> BlockedFace:
        """Block a photo of a face by its fingerprint (BITS,)."""
        face = BlockedFace(secrets.token_hex(4), fingerprint, note[:NOTE_LENGTH], time.time())
        text = np.packbits(fingerprint).tobytes().hex()
        with self._database.write() as connection:
            connection.execute(insert(blocked).values(**vars(face) | {"fingerprint": text}))
        return face

    def all(self) -> list[BlockedFace]:
        """All of them, oldest first."""
        with self._database.read() as connection:
            return [
                BlockedFace(row["id"], _bits(row["fingerprint"]), row["note"], row["added"])
                for row in connection.execute(select(blocked).order_by(blocked.c.added)).mappings()
            ]

    def remove(self, id: str) -> None:
        """Take one off the list; raises NotFound."""
        with self._database.write() as connection:
            if not connection.execute(delete(blocked).where(blocked.c.id == id)).rowcount:
                raise NotFound(f"There is no blocked face {id}. `reenact-server block list` shows them.")


def find_match(seen: Bits, listed: list[BlockedFace]) -> BlockedFace | None:
    """The first blocked face among fingerprints (F, 2, BITS), plain or mirrored; None where there is none."""
    known = np.array([face.fingerprint for face in listed]).reshape(-1, BITS)
    near = (hamming_distance(known[:, None, None], seen[None]) <= MAX_COPY_DISTANCE).any((1, 2))
    return listed[int(near.argmax())] if near.any() else None


def _bits(text: str) -> Bits:
    packed = np.frombuffer(bytes.fromhex(text), np.uint8)
    return np.unpackbits(packed, count=BITS).astype(np.bool_)
