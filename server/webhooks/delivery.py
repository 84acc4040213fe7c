"""Delivers webhooks: a signed POST when a job has ended, retried on failure.

One thread polls for due webhooks, and each call has a thread of its own. The calls to one host and of one
owner are limited, so that a slow receiver does not delay others. A failure ends one call only. A receiver
may get a webhook twice and recognises it by the job's id.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from threading import Event, Lock, Thread

from reenact.errors import InvalidOption
from server.access.keys import Keys
from server.access.signature import SIGNATURE, sign, standard_headers
from server.database.database import Database
from server.database.outage import driver_message, is_unreachable
from server.jobs.deliveries import Deliveries, Delivery
from server.webhooks import safe_post

log = logging.getLogger(__name__)
BACKOFF = (10.0, 60.0)  # seconds from a try that failed to the second and the third
POLL_SECONDS = 1.0  # seconds between two polls for ended jobs
CLAIM_MARGIN = 20.0  # seconds to prepare a call and to record its end, besides the call itself
MAX_CALLS, MAX_PER_OWNER, MAX_PER_HOST = 48, 24, 12  # calls
BATCH = 500  # deliveries that are read together


class Webhooks:
    """The polling thread and those that call."""

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
            allowed: names of private hosts that may be called.
            backoff: seconds before each further try.
        """
        self._deliveries, self._keys = Deliveries(database), Keys(database)
        self._render, self._allowed, self._backoff = render, allowed, backoff
        self._calls: list[Delivery] = []  # in progress
        self._lock = Lock()
        self._stopped, self._call_ended = Event(), Event()  # the second is set when a call has ended
        self._thread = Thread(target=self._run, name="webhooks", daemon=True)

    def start(self) -> None:
        """Begin to call."""
        self._thread.start()

    def close(self) -> None:
        """Start no further call. Calls that do not finish are made again later, by any server."""
        self._stopped.set()
        self._call_ended.set()

    def _run(self) -> None:
        works = True
        while not self._stopped.is_set():
            self._call_ended.clear()
            try:
                self._start_due()
                works = True
            except Exception as e:  # of the database, or a mistake of ours
                if works:  # or else the log would be full of it
                    log.error(
                        "Webhooks are delayed: %s",
                        driver_message(e),
                        exc_info=None if is_unreachable(e) else e,
                    )
                works = False
                self._stopped.wait(POLL_SECONDS)
            self._call_ended.wait(POLL_SECONDS)

    def _start_due(self) -> None:
        """Start as many due calls as the limits allow."""
        for each in self._deliveries.due(BATCH):
            if self._stopped.is_set():
                return
            if self._may_start(each) and (
                mine := self._deliveries.claim(each, safe_post.SECONDS + CLAIM_MARGIN)
            ):
                self._begin(mine)

    def _begin(self, delivery: Delivery) -> None:
        with self._lock:
            self._calls.append(delivery)
        try:
            Thread(target=self._call, args=(delivery,), name="webhook", daemon=True).start()
        except RuntimeError:  # the system has no further thread
            self._ended(delivery)
            raise

    def _ended(self, delivery: Delivery) -> None:
        with self._lock:
            self._calls.remove(delivery)
        self._call_ended.set()

    def _may_start(self, asked: Delivery) -> bool:
        with self._lock:
            calls = list(self._calls)
        of_owner = sum(each.owner == asked.owner for each in calls)
        to_host = sum(_host(each) == _host(asked) for each in calls)
        return len(calls) < MAX_CALLS and of_owner < MAX_PER_OWNER and to_host < MAX_PER_HOST

    def _call(self, delivery: Delivery) -> None:
        """Call once, and record it. If that fails, the delivery is due again when its claim expires."""
        try:
            delivered = self._deliver(delivery)
            left = delivery.tries <= len(self._backoff) and not delivered
            self._deliveries.end(delivery, self._backoff[delivery.tries - 1] if left else None)
        except Exception:
            log.exception("The result of the webhook of job %s could not be recorded", delivery.id)
        finally:
            self._ended(delivery)

    def _deliver(self, delivery: Delivery) -> bool:
        """Whether the delivery is done."""
        try:
            status = self._post(delivery)
        except (OSError, InvalidOption) as e:
            log.info("Webhook of job %s failed at try %d: %s", delivery.id, delivery.tries, type(e).__name__)
            return False
        except Exception:  # a mistake of ours
            log.exception("Webhook of job %s failed at try %d", delivery.id, delivery.tries)
            return False
        if status is None:
            return True
        log.info("Webhook of job %s was answered with %d at try %d", delivery.id, status, delivery.tries)
        return 200 <= status < 300

    def _post(self, delivery: Delivery) -> int | None:
        """The status of the answer; None where the key was revoked: nobody could check the signature."""
        secret = self._keys.secret(delivery.owner)
        if secret is None:
            return None
        body, now = self._render(delivery.id), int(time.time())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Reenact",
            SIGNATURE: sign(body, secret, now),
            **standard_headers(body, secret, delivery.id, now),
        }
        return safe_post.post(delivery.url, body, headers, self._allowed, safe_post.SECONDS)


def _host(delivery: Delivery) -> str:
    """Host and port of an address, unparsed."""
    return delivery.url.partition("://")[2].partition("/")[0].lower()
