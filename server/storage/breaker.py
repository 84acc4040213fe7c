"""A circuit breaker: while a service is away, one caller at a time tries it, and the others are told at once.

Else all threads of a server would soon wait for a service that keeps silent, and nobody would be answered.
"""

from __future__ import annotations

import time

TRIAL_SECONDS = 30.0  # seconds that one caller may take to find out, before the next one tries


class Breaker:
    """What is known of one service. All methods may be called from any thread."""

    def __init__(self) -> None:
        """It is believed to be there."""
        self._away, self._paused = False, False
        self._next_try = 0.0  # on the clock that only goes forward

    def allows(self) -> bool:
        """Whether to ask now; whoever may then says how it went."""
        now = time.monotonic()
        if now < self._next_try:
            return False
        if self._paused:
            self._next_try = now + TRIAL_SECONDS
        return True

    def failed(self, pause: float) -> bool:
        """There was no answer, and nobody shall ask for so many seconds; whether this is news."""
        changed, self._away, self._paused = not self._away, True, pause > 0
        self._next_try = time.monotonic() + pause
        return changed

    def answered(self) -> bool:
        """There was an answer; whether this is news."""
        changed, self._away, self._paused, self._next_try = self._away, False, False, 0.0
        return changed
