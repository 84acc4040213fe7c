"""Leases that ran out are taken only when their holders had time to renew them."""

from __future__ import annotations

import pytest

from server.jobs.suspects import ExpiredLeases

LEASE = 10.0


class Clock:
    """Shows what it is set to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def look(suspects: ExpiredLeases, clock: Clock, seconds: float, *overdue: str) -> set[str]:
    """What may be taken after so many more seconds."""
    clock.now += seconds
    return suspects.reclaimable(set(overdue))


def test_a_lease_is_taken_after_half_its_time(clock: Clock) -> None:
    suspects = ExpiredLeases(LEASE, clock)
    seen = [look(suspects, clock, 2, "dead") for _ in range(4)]
    assert seen == [set(), set(), set(), {"dead"}]


def test_one_that_is_renewed_starts_anew(clock: Clock) -> None:
    suspects = ExpiredLeases(LEASE, clock)
    assert look(suspects, clock, 2, "slow", "dead") == set()
    assert look(suspects, clock, 4, "dead") == set()
    assert look(suspects, clock, 2, "slow", "dead") == {"dead"}
    assert look(suspects, clock, 2, "slow") == set()


def test_after_an_outage_everybody_has_time_again(clock: Clock) -> None:
    suspects = ExpiredLeases(LEASE, clock)
    assert look(suspects, clock, 2, "live") == set()
    assert look(suspects, clock, 60, "live") == set()  # the database was away, also for the holder
    assert look(suspects, clock, 2) == set()
