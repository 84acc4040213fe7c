"""A circuit breaker: while a service is away, one caller at a time tries it, and the others are told at once.

Else all threads of a server would soon wait for a service that keeps silent, and nobody would be answered.
"""

from __future__ import annotations

import time

TRIAL = 30.0  # seconds that one caller may take to find out, before the next one tries


class Breaker:
    """What is known of one service. All methods may be called from any thread."""

    def __init__(self) -> None:
        """It is believed to be there."""
        self._away, self._rests = False, False
        self._next_try = 0.0  # on the clock that only goes forward

    def allows(self) -> bool:
        """Whether to ask now; whoever may then says how it went."""
        now = time.monotonic()
        if now < self._next_try:
            return False
        if self._rests:
            self._next_try = now + TRIAL
        return True

    def failed(self, rest: float) -> bool:
        """There was no answer, and nobody shall ask for so many seconds; whether this is news."""
        news, self._away, self._rests = not self._away, True, rest > 0
        self._next_try = time.monotonic() + rest
        return news

    def answered(self) -> bool:
        """There was an answer; whether this is news."""
        news, self._away, self._rests, self._next_try = self._away, False, False, 0.0
        return news
