"""Signed addresses of results, which contain the time when they expire.

A result's name in the storage gives no access by itself, so it may appear in listings, logs and backups.
Servers that share a database share the signing key.
"""

from __future__ import annotations

import hmac
import math
import secrets
import time
from functools import cached_property
from hashlib import sha256

from itsdangerous import Signer
from sqlalchemy import Column, String, Table, insert, select
from sqlalchemy.exc import IntegrityError

from server.database.database import METADATA, Database
from server.errors import Gone, NotFound

_NAME = "results"
secrets_table = Table(
    "secrets",
    METADATA,
    Column("name", String(32), primary_key=True),
    Column("value", String(64), nullable=False),
)


class Addresses:
    """Signs names of results and reads them back."""

    def __init__(self, database: Database) -> None:
        """The key is in this database."""
        self._database = database

    def sign(self, name: str, expires: float) -> str:
        """The last part of a result's address.

        Args:
            name: of the result in the storage, with its suffix, which the address ends in too.
            expires: when the address expires, in seconds since 1970.
        """
        stem, _, suffix = name.rpartition(".")
        return ".".join((stem, *self._signature(stem, suffix, math.ceil(expires)), suffix))

    def read(self, signed: str) -> str:
        """The name of the result; raises NotFound if it was never signed, and Gone if it has expired."""
        stem, end, proof, suffix = parts if len(parts := signed.split(".")) == 4 else [""] * 4
        good = end.isdecimal() and len(end) < 16 and signed.isascii()
        if not good or not hmac.compare_digest(proof, self._signature(stem, suffix, int(end))[1]):
            raise NotFound("There is no such result. Take the address from its job.")
        if int(end) <= time.time():
            raise Gone("This result has expired. Make it again.")
        return f"{stem}.{suffix}"

    def _signature(self, stem: str, suffix: str, end: int) -> tuple[str, str]:
        return str(end), self._signer.get_signature(f"{stem}.{end}.{suffix}").decode()

    @cached_property
    def _signer(self) -> Signer:
        return Signer(self._key(), salt="results", digest_method=sha256)

    def _key(self) -> str:
        """The signing key of this database, made at the first call."""
        query = select(secrets_table.c.value).where(secrets_table.c.name == _NAME)
        with self._database.read() as connection:
            found = connection.scalar(query)
        if found:
            return str(found)
        try:
            with self._database.write() as connection:
                connection.execute(insert(secrets_table).values(name=_NAME, value=secrets.token_urlsafe(32)))
        except IntegrityError:
            pass  # another server was faster
        return self._key()
