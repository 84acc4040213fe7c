from __future__ import annotations

from threading import Thread
from time import sleep

from reenact.runtime.fair_lock import FairLock


def test_those_who_want_it_again_and_again_get_it_in_turn() -> None:
    turns, taken = FairLock(), []

    def take(name: str) -> None:
        for _ in range(5):
            with turns:
                sleep(0.002)  # a batch
                taken.append(name)

    threads = [Thread(target=take, args=(name,)) for name in "abc"]
    with turns:
        for thread in threads:
            before = len(turns._waiting)
            thread.start()
            while len(turns._waiting) == before:
                sleep(0.001)
    for thread in threads:
        thread.join(10)
    assert "".join(taken) == "abc" * 5


def test_it_is_given_on_when_the_work_raises() -> None:
    turns = FairLock()
    for _ in range(2):
        try:
            with turns:
                raise ValueError
        except ValueError:
            pass
    with turns:
        pass
