from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from reenact.runtime import ordered_map


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_results_come_in_order_however_long_each_takes(workers: int) -> None:
    def slow_first(item: int) -> int:
        time.sleep(0.01 * (item % 3 == 0))
        return item * item

    assert list(ordered_map(slow_first, range(20), workers)) == [item * item for item in range(20)]
    assert list(ordered_map(slow_first, [], workers)) == []


def test_as_many_as_there_are_workers_run_at_once() -> None:
    meeting = threading.Barrier(3)
    list(
        ordered_map(lambda _: meeting.wait(10), range(6), 3)
    )  # a barrier that fewer than 3 reach would break


def test_one_worker_works_in_order() -> None:
    seen: list[int] = []
    list(ordered_map(seen.append, range(50)))
    assert seen == list(range(50))


def test_no_more_is_taken_than_two_for_each_worker() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(100):
            taken.append(item)
            yield item

    stages = ordered_map(abs, items(), 2)
    assert taken == []
    next(stages)
    assert taken == [0, 1, 2, 3]
    stages.close()
    assert taken == [0, 1, 2, 3]


@pytest.mark.parametrize("where", ["work", "items"])
def test_an_error_comes_where_its_result_would_have_come(where: str) -> None:
    def work(item: int) -> int:
        if item == 3 and where == "work":
            raise KeyError(item)
        return item

    def items() -> Iterator[int]:
        yield from range(3)
        if where == "items":
            raise KeyError(3)
        yield from range(3, 9)

    got: list[int] = []
    with pytest.raises(KeyError):
        for item in ordered_map(work, items()):
            got.append(item)
    assert got == ([0, 1, 2] if where == "work" else [0, 1])


def test_closing_the_last_stage_stops_all_and_leaves_no_thread() -> None:
    before, done, closed = threading.active_count(), [], []

    def endless() -> Iterator[int]:
        try:
            item = 0
            while True:
                item += 1
                yield item
        finally:
            closed.append(True)

    last = ordered_map(abs, ordered_map(done.append, endless(), 2))  # type: ignore[arg-type]
    with pytest.raises(TypeError):  # abs(None)
        next(last)
    last.close()
    assert closed == [True]
    assert threading.active_count() == before
    assert len(done) < 10
