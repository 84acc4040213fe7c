"""The rate limit of orders per key and per client address."""

from __future__ import annotations

import logging
import math
import time

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import MemoryStorage, storage_from_string
from limits.strategies import MovingWindowRateLimiter, RateLimiter

from server.errors import RateLimited
from server.jobs.broker import is_redis, redis_options
from server.storage.breaker import Breaker

log = logging.getLogger(__name__)
RETRY_SECONDS = 3.0  # seconds after which a failed Redis is tried again


class OrderRate:
    """A moving window for each sender, in memory or, where many servers share it, in Redis.

    While Redis does not answer, this process counts in its own memory and accepts orders.
    """

    def __init__(self, per_minute: int, broker: str | None) -> None:
        """Start with empty windows.

        Args:
            per_minute: orders that a sender may send within any minute.
            broker: its URL; Redis also keeps the windows, anything else leaves them to this process.
        """
        self._item = RateLimitItemPerMinute(per_minute)
        self._own = MovingWindowRateLimiter(MemoryStorage())
        self._shared: RateLimiter | None = None
        if broker and is_redis(broker):
            storage = storage_from_string(broker, wrap_exceptions=True, **redis_options())
            self._shared = MovingWindowRateLimiter(storage)
        self._breaker = Breaker()

    def count(self, *senders: str) -> None:
        """Count an order of all these senders; raises RateLimited."""
        free = self._counted(senders)
        if free is not None:
            raise RateLimited(max(1, math.ceil(free - time.time())))

    def _counted(self, senders: tuple[str, ...]) -> float | None:
        """As ``_count``, in Redis if it answers."""
        if self._shared and self._breaker.allows():
            try:
                free = _count(self._shared, self._item, senders)
            except StorageError as e:
                if self._breaker.failed(RETRY_SECONDS):
                    why = e.__cause__ or e
                    log.error("Redis does not answer; orders are counted in this process's memory: %s", why)
            else:
                if self._breaker.answered():
                    log.warning("Redis answers again and counts orders")
                return free
        return _count(self._own, self._item, senders)


def _count(windows: RateLimiter, item: RateLimitItem, senders: tuple[str, ...]) -> float | None:
    """Count an order of all these senders; None, or when the first one over its limit may order again."""
    for sender in senders:
        if not windows.hit(item, "orders", sender):
            return windows.get_window_stats(item, "orders", sender).reset_time
    return None
