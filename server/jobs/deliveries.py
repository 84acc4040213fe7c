"""Which webhooks are still to be called. The rows of the jobs hold this, so that it survives a restart.

A server claims a row by incrementing its tries, so that only one calls. The row is due again when the claim
expires: a call whose result was not recorded is made again. Times are of the database's clock.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import Select, bindparam, func, select, update

from server.database.clock import now
from server.database.database import Database
from server.jobs.job import ENDED
from server.jobs.table import jobs


@dataclass(frozen=True)
class Delivery:
    """The webhook of one job."""

    id: str
    owner: str
    url: str
    tries: int  # that were begun


def _fair_deliveries() -> Select[tuple[str, str, str, int, int]]:
    """The due webhooks, in turn by owner and by address.

    So many jobs of one owner, or for one slow address, do not delay those of others.
    """
    of_url = func.row_number().over(
        partition_by=(jobs.c.owner, jobs.c.webhook), order_by=(jobs.c.webhook_due, jobs.c.seq)
    )
    named = (jobs.c.id, jobs.c.owner, jobs.c.webhook, jobs.c.webhook_tries, jobs.c.seq)
    due = (jobs.c.webhook_due <= now()) & jobs.c.status.in_(ENDED)
    waiting = select(*named, of_url.label("of_url")).where(due).subquery()
    of_owner = func.row_number().over(
        partition_by=waiting.c.owner, order_by=(waiting.c.of_url, waiting.c.seq)
    )
    fair = select(waiting, of_owner.label("of_owner")).subquery()
    columns = (fair.c.id, fair.c.owner, fair.c.webhook, fair.c.webhook_tries, fair.c.seq)
    return select(*columns).order_by(fair.c.of_owner, fair.c.seq).limit(bindparam("limit"))


_DUE = _fair_deliveries()


class Deliveries:
    """The pending webhooks in one database."""

    def __init__(self, database: Database) -> None:
        """Only remembers the database."""
        self._database = database

    def due(self, limit: int) -> list[Delivery]:
        """At most ``limit`` of those that are due, in fair order."""
        with self._database.read() as connection:
            rows = connection.execute(_DUE, {"limit": limit})
            return [Delivery(row.id, row.owner, row.webhook, row.webhook_tries) for row in rows]

    def claim(self, delivery: Delivery, seconds: float) -> Delivery | None:
        """Begin a try; None if another server was faster. The claim lasts so many seconds."""
        mine = (jobs.c.id == delivery.id) & (jobs.c.webhook_tries == delivery.tries)
        begun = {"webhook_tries": delivery.tries + 1, "webhook_due": now() + seconds}
        with self._database.write() as connection:
            taken = connection.execute(
                update(jobs).where(mine & jobs.c.webhook_due.is_not(None)).values(begun)
            )
        return replace(delivery, tries=delivery.tries + 1) if taken.rowcount else None

    def end(self, delivery: Delivery, again: float | None) -> None:
        """Record the end of a try, and after how many seconds to try again; None: never."""
        due = None if again is None else now() + again
        mine = (jobs.c.id == delivery.id) & (jobs.c.webhook_tries == delivery.tries)
        with self._database.write() as connection:
            connection.execute(update(jobs).where(mine).values(webhook_due=due))
