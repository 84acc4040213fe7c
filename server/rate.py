"""How many orders a minute one key or one address may send."""

from __future__ import annotations

import math
import time

from limits import RateLimitItemPerMinute
from limits.storage import storage_from_string
from limits.strategies import MovingWindowRateLimiter

from server.errors import RateLimited


class OrderRate:
    """A moving window for each sender, in memory or, where many servers share it, in Redis."""

    def __init__(self, per_minute: int, broker: str | None) -> None:
        """Begin to count.

        Args:
            per_minute: orders that a sender may send within any minute.
            broker: its URL; Redis also keeps the windows, anything else leaves them to this process.
        """
        shared = broker if broker and broker.startswith(("redis://", "rediss://")) else "memory://"
        self._item = RateLimitItemPerMinute(per_minute)
        self._windows = MovingWindowRateLimiter(storage_from_string(shared))

    def count(self, *senders: str) -> None:
        """Count an order of all these senders; raises RateLimited."""
        for sender in senders:
            if not self._windows.hit(self._item, "orders", sender):
                free = self._windows.get_window_stats(self._item, "orders", sender).reset_time
                raise RateLimited(max(1, math.ceil(free - time.time())))
