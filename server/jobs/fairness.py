"""Which job is next: owners take turns, so that a hundred jobs of one do not delay the one job of another.

Each kind of work has a queue of its own. A worker that takes several kinds goes by the turns of all of them.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Subquery, bindparam, case, func, select

from server.database.clock import now
from server.jobs.table import jobs

_RECENT = 3600.0  # seconds in which earlier jobs of an owner count
_ANY_VERSION = 2**31 - 1  # newer than every order


def fair_queue() -> Subquery:
    """The queues as rows of ``id``, ``kind``, ``round``, ``last`` and ``position``, 1 is next of its kind.

    An owner's first waiting job of a kind stands in the first round, the second in the second, and so on;
    each job of the owner that runs, of whatever kind, moves them one round back. Within a round, who was
    served longest ago is first: ``last`` is when.
    Statements that use it need the values of ``queue_parameters``.
    """
    status, owner = jobs.c.status, jobs.c.owner
    busy = case((status == "running", 1), else_=0)
    served = (
        select(owner, func.sum(busy).label("running"), func.max(jobs.c.started).label("last"))
        .where((status == "running") | (jobs.c.started > now() - _RECENT))
        .group_by(owner)
        .subquery()
    )
    nth = func.row_number().over(partition_by=(owner, jobs.c.kind), order_by=jobs.c.seq)
    waiting = (
        select(
            jobs.c.id,
            jobs.c.seq,
            jobs.c.kind,
            (nth + func.coalesce(served.c.running, 0)).label("round"),
            func.coalesce(served.c.last, 0).label("last"),
        )
        .outerjoin(served, served.c.owner == owner)
        .where((status == "queued") & (jobs.c.order_version <= bindparam("newest")))
        .subquery()
    )
    turn = (waiting.c.round, waiting.c.last, waiting.c.seq)
    position = func.row_number().over(partition_by=waiting.c.kind, order_by=turn)
    return select(
        waiting.c.id, waiting.c.kind, waiting.c.round, waiting.c.last, position.label("position")
    ).subquery()


QUEUE = fair_queue()  # made once: SQLAlchemy takes longer to make it than SQLite to answer


def queue_parameters(version: int = _ANY_VERSION, **more: Any) -> dict[str, Any]:
    """The values of a statement with ``QUEUE``, and of the parameters that it has besides.

    With a ``version``, orders of newer versions are left out.
    """
    return {"newest": version, **more}
