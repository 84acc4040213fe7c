"""Whether an error means that a disk is full: of a folder, of SQLite or of PostgreSQL."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError

from reenact import os_errors

_SQLITE = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE)  # the latter where it starts on a full disk
_POSTGRES = "53100"  # SQLSTATE disk_full


def is_full(error: BaseException) -> bool:
    """Whether a disk is full, ours or the database's."""
    if not isinstance(error, DBAPIError):
        return os_errors.is_disk_full(error)
    said = error.orig
    return getattr(said, "sqlite_errorcode", None) in _SQLITE or getattr(said, "sqlstate", None) == _POSTGRES
