"""Which expired leases may be reclaimed."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection


class ExpiredLeases:
    """The leases that have expired, and since when this process has seen that.

    A lease can expire although its holder works: nobody can renew it while the database is unreachable, and
    the database's clock may be set forward. So a holder gets some time to renew it afterwards.
    """

    def __init__(self, lease: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Wait half of the duration of a lease; ``clock`` is monotonic."""
        self._lease, self._clock = lease, clock
        self._since: dict[str, float] = {}
        self._last_check = 0.0

    def reclaimable(self, expired: Collection[str]) -> set[str]:
        """The leases that may be reclaimed, out of those that the database says have expired."""
        now = self._clock()
        if (
            now - self._last_check > self._lease
        ):  # nobody could renew a lease meanwhile, as far as is known here
            self._since.clear()
        self._last_check = now
        self._since = {lease: self._since.get(lease, now) for lease in expired}
        return {lease for lease, since in self._since.items() if now - since >= self._lease / 2}
