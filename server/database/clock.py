"""The database's clock: the one clock that all machines which share jobs have in common."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Double
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class now(FunctionElement[float]):  # it reads as the SQL function that it is
    """Seconds since 1970 at the beginning of the statement it stands in, to a millisecond."""

    type = Double()
    inherit_cache = True


@compiles(now, "postgresql")
def _postgresql(element: now, compiler: Any, **more: Any) -> str:
    """Not the transaction's beginning, before which it may have waited for a lock."""
    return "CAST(extract(epoch FROM statement_timestamp()) AS double precision)"


@compiles(now, "sqlite")
def _sqlite(element: now, compiler: Any, **more: Any) -> str:
    """SQLite 3.42 has ``unixepoch('subsec')``; Debian 12 has an older one."""
    return "((julianday('now') - 2440587.5) * 86400.0)"
