"""Access keys: made and revoked by ``reenact-server keys``, kept as digests only.

A key is 256 random bits, so that its plain SHA-256 is as hard to turn back as the key is to guess; the slow
digests that passwords need would only slow down every request.
"""

from __future__ import annotations

import secrets
import time
from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import Column, Double, String, Table, bindparam, func, insert, select, update

from server.access.signature import SECRET_PREFIX
from server.database.database import METADATA, Database
from server.errors import NotFound

PREFIX = "rk_"
SECRET_BYTES = 24  # at least so many for Standard Webhooks, and at most 64
NAME_LENGTH = 64

keys = Table(
    "keys",
    METADATA,
    Column("id", String(16), primary_key=True),
    Column("name", String(NAME_LENGTH), nullable=False),
    Column("digest", String(64), nullable=False, unique=True),
    Column("secret", String(64), nullable=False),  # signs webhooks, so it must be kept as it is
    Column("created", Double, nullable=False),
    Column("revoked", Double),
)


# A table of its own, so that databases from before there were operators stay as they are.
operators = Table("operators", METADATA, Column("key", String(16), primary_key=True))


@dataclass(frozen=True)
class Key:
    """A key as it is remembered. Times are seconds since 1970."""

    id: str  # owner of the jobs that are ordered with it
    name: str  # whom it was made for
    created: float
    revoked: float | None = None
    operator: bool = False  # may change the gallery


_KEYS = select(keys, operators.c.key.is_not(None).label("operator")).outerjoin(
    operators, operators.c.key == keys.c.id
)


_WITH_DIGEST = _KEYS.where((keys.c.digest == bindparam("digest")) & keys.c.revoked.is_(None))
_VALID = select(func.count()).where(keys.c.revoked.is_(None))


class Keys:
    """The keys in one database."""

    def __init__(self, database: Database) -> None:
        """Only remembers the database."""
        self._database = database

    def add(self, name: str, operator: bool = False) -> tuple[Key, str]:
        """Make a key and the secret of its webhooks; its text is given here once and never again."""
        text = PREFIX + secrets.token_urlsafe(32)
        secret = SECRET_PREFIX + b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
        key = Key(secrets.token_hex(4), name[:NAME_LENGTH], time.time(), operator=operator)
        row = {"id": key.id, "name": key.name, "created": key.created}
        with self._database.write() as connection:
            connection.execute(insert(keys).values(row | {"digest": _digest(text), "secret": secret}))
            if operator:
                connection.execute(insert(operators).values(key=key.id))
        return key, text

    def all(self) -> list[Key]:
        """All keys, revoked ones too, oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(_KEYS.order_by(keys.c.created)).mappings()
            return [_key(row) for row in rows]

    def find(self, text: str) -> Key | None:
        """The key with this text, unless it is unknown or revoked."""
        with self._database.read() as connection:
            row = connection.execute(_WITH_DIGEST, {"digest": _digest(text)}).mappings().first()
        return _key(row) if row else None

    def secret(self, id: str) -> str | None:
        """What signs the webhooks of a key, unless it was revoked."""
        valid = (keys.c.id == id) & keys.c.revoked.is_(None)
        with self._database.read() as connection:
            return connection.scalar(select(keys.c.secret).where(valid))

    def exist(self) -> bool:
        """Whether any key is valid."""
        with self._database.read() as connection:
            return bool(connection.scalar(_VALID))

    def revoke(self, id: str) -> None:
        """Refuse a key from now on; raises NotFound."""
        valid = (keys.c.id == id) & keys.c.revoked.is_(None)
        with self._database.write() as connection:
            if not connection.execute(update(keys).where(valid).values(revoked=time.time())).rowcount:
                raise NotFound(f"There is no valid key {id}. `reenact-server keys list` shows them.")


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _key(row: object) -> Key:
    return Key(*(row[name] for name in ("id", "name", "created", "revoked", "operator")))  # type: ignore[index]
