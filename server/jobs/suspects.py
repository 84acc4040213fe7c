"""Which leases that ran out may be taken."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection


class ExpiredLeases:
    """The leases that have run out, and since when this process sees that.

    A lease can run out though its holder lives: while the database was away nobody could renew any, and its
    clock may be set forward. So a holder gets a while to renew it, once the database answers.
    """

    def __init__(self, lease: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Give half of the seconds that a lease lasts; ``clock`` only goes forward."""
        self._lease, self._clock = lease, clock
        self._since: dict[str, float] = {}
        self._last_check = 0.0

    def reclaimable(self, expired: Collection[str]) -> set[str]:
        """Those that may be taken, of the leases that have run out by the database's present answer."""
        now = self._clock()
        if (
            now - self._last_check > self._lease
        ):  # nobody could renew a lease meanwhile, as far as is known here
            self._since.clear()
        self._last_check = now
        self._since = {lease: self._since.get(lease, now) for lease in expired}
        return {lease for lease, since in self._since.items() if now - since >= self._lease / 2}
