"""Tell whoever wants to know that a job has ended: a signed POST, tried again when it fails.

What is still to be told stands in the jobs' rows, so that a restart forgets none; a row is claimed by
counting its tries up, so that of many servers one calls. A server that dies between the call and its note
calls again: receivers know a job by its id.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event, Thread

from sqlalchemy import select, update
from sqlalchemy.exc import SQLAlchemyError

from reenact.errors import InvalidOption
from server import outbound
from server.database import Database
from server.jobs import ENDED
from server.jobs.table import jobs
from server.keys import Keys
from server.signature import SIGNATURE, sign

log = logging.getLogger(__name__)
TRIES = 3
BACKOFF = (10.0, 60.0)  # seconds before the second and the third try
LOOK = 1.0  # seconds between two looks for jobs that have ended


@dataclass(frozen=True)
class Call:
    """One try to tell of one job."""

    id: str
    owner: str
    url: str
    tries: int  # with this one


class Webhooks:
    """The thread that calls."""

    def __init__(
        self,
        database: Database,
        render: Callable[[str], bytes],
        allowed: frozenset[str],
        backoff: tuple[float, ...] = BACKOFF,
    ) -> None:
        """Make an idle one.

        Args:
            database: of the jobs and keys.
            render: a job by its id as JSON, as clients see it.
            allowed: names of hosts that may be called though they are not public.
            backoff: seconds before each further try.
        """
        self._database, self._render, self._allowed, self._backoff = database, render, allowed, backoff
        self._keys = Keys(database)
        self._stopped = Event()
        self._thread = Thread(target=self._run, name="webhooks", daemon=True)

    def start(self) -> None:
        """Begin to call."""
        self._thread.start()

    def close(self) -> None:
        """Make no further call."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(LOOK):
            try:
                while not self._stopped.is_set() and (call := self._claim()):
                    self._tell(call)
            except SQLAlchemyError:
                log.exception("The webhooks will be looked for again")

    def _claim(self) -> Call | None:
        """Take a job that has ended and was not told of; the next try is due when this one has failed."""
        now = time.time()
        due = (jobs.c.webhook_due <= now) & jobs.c.status.in_(ENDED)
        with self._database.read() as connection:
            row = connection.execute(select(jobs).where(due).limit(1)).mappings().first()
        if row is None:
            return None
        tries = row["webhook_tries"] + 1
        later = now + self._backoff[tries - 1] if tries <= len(self._backoff) else None
        mine = (jobs.c.id == row["id"]) & (jobs.c.webhook_tries == row["webhook_tries"])
        with self._database.write() as connection:
            taken = connection.execute(
                update(jobs).where(mine).values(webhook_tries=tries, webhook_due=later)
            )
        if not taken.rowcount:
            return self._claim()  # another server was faster
        return Call(row["id"], row["owner"], row["webhook"], tries)

    def _tell(self, call: Call) -> None:
        secret = self._keys.secret(call.owner)
        if secret is None:
            return self._done(call)  # the key was revoked: nobody could check the signature
        body = self._render(call.id)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Reenact",
            SIGNATURE: sign(body, secret, int(time.time())),
        }
        try:
            status = outbound.post(call.url, body, headers, self._allowed)
        except (OSError, InvalidOption) as e:
            log.info("Webhook of job %s failed at try %d: %s", call.id, call.tries, type(e).__name__)
            return None
        log.info("Webhook of job %s was answered with %d at try %d", call.id, status, call.tries)
        if 200 <= status < 300:
            self._done(call)
        return None

    def _done(self, call: Call) -> None:
        with self._database.write() as connection:
            connection.execute(update(jobs).where(jobs.c.id == call.id).values(webhook_due=None))
