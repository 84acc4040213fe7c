"""Signals as a process that a person starts has them."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def heeded(number: signal.Signals) -> Iterator[None]:
    """Processes that are started within it end by this signal, also where who runs the tests has it ignored.

    ``nohup`` and the ``&`` of a shell do so, and an ignored signal stays ignored in what is started.
    """
    before = signal.signal(number, lambda *_: None)  # a handler is not inherited: the default takes its place
    try:
        yield
    finally:
        signal.signal(number, before)
