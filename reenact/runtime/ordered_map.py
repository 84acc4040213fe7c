"""Threads between the stations, so that every core has work while frames pass in order.

ONNX Runtime, FFmpeg and numpy let go of Python's lock while they compute, so threads are enough.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")


def ordered_map(work: Callable[[Item], Made], items: Iterable[Item], workers: int = 1) -> Iterator[Made]:
    """``map`` by threads: results in the order of the items, however long each takes.

    At most two items for each worker are under way, one of which waits: whoever takes the results may be busy
    with one while the workers go on, and memory does not grow. An error of ``work``
    or ``items`` is raised where its result would have come. Closing it drops what has not begun, waits for
    what has, and closes ``items``.

    Args:
        work: is called by the workers; with one worker in the order of the items.
        items: taken by whoever takes the results.
        workers: threads.
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
