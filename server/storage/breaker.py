"""A circuit breaker: while a service does not answer, one caller at a time tries it and the others fail.

Otherwise all threads of a server would soon wait for it, and no request would be answered.
"""

from __future__ import annotations

import time

TRIAL_SECONDS = 30.0  # seconds that one caller may take to find out, before the next one tries


class Breaker:
    """The state of one service. All methods may be called from any thread."""

    def __init__(self) -> None:
        """Assume that the service works."""
        self._away, self._paused = False, False
        self._next_try = 0.0  # on the clock that only goes forward

    def allows(self) -> bool:
        """Whether to call now; the caller then reports with ``failed`` or ``answered``."""
        now = time.monotonic()
        if now < self._next_try:
            return False
        if self._paused:
            self._next_try = now + TRIAL_SECONDS
        return True

    def failed(self, pause: float) -> bool:
        """Report a failure and pause for so many seconds; whether the service worked before."""
        changed, self._away, self._paused = not self._away, True, pause > 0
        self._next_try = time.monotonic() + pause
        return changed

    def answered(self) -> bool:
        """Report an answer; whether the service had failed before."""
        changed, self._away, self._paused, self._next_try = self._away, False, False, 0.0
        return changed
