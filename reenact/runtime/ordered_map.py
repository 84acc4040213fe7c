"""A parallel ``map`` that keeps the order, so that the steps of the pipeline overlap.

ONNX Runtime, FFmpeg and numpy release the global interpreter lock while they compute, so threads suffice.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")


def ordered_map(work: Callable[[Item], Made], items: Iterable[Item], workers: int = 1) -> Iterator[Made]:
    """``map`` in threads; results come in the order of the items.

    At most two items for each worker are in progress or queued, so memory is bounded. An exception of
    ``work`` or ``items`` is raised in place of its result. Closing the iterator cancels queued items, waits
    for running ones, and closes ``items``.

    Args:
        work: called in the worker threads; with one worker in the order of the items.
        items: consumed in the thread that takes the results.
        workers: number of threads.
    """
    pending: deque[Future[Made]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="stage") as pool:
        try:
            for item in items:
                pending.append(pool.submit(work, item))
                if len(pending) == 2 * workers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for left in pending:
                left.cancel()
            close(items)


def close(items: object) -> None:
    """Close a generator; other iterables have nothing to close."""
    stop = getattr(items, "close", None)
    if stop is not None:
        stop()
