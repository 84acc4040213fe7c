from __future__ import annotations

import time

from server.storage.breaker import Breaker


def test_what_fails_is_told_once_and_what_answers_again_too() -> None:
    breaker = Breaker()
    assert breaker.allows() and not breaker.answered()
    assert breaker.failed(0) and not breaker.failed(0)
    assert breaker.allows()
    assert breaker.answered() and not breaker.answered()


def test_after_a_rest_one_tries_and_the_others_do_not_wait_for_it() -> None:
    breaker = Breaker()
    breaker.failed(0.2)
    assert not breaker.allows()
    time.sleep(0.3)
    assert [breaker.allows() for _ in range(3)] == [True, False, False]
    breaker.answered()
    assert breaker.allows() and breaker.allows()
