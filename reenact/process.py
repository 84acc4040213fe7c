"""Standard streams and termination signals of both programs."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import current_thread, main_thread
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGHUP)  # of kill, timeout and docker stop; of a terminal that closes
_STREAMS = {"stdin": "r", "stdout": "w", "stderr": "w"}


class Terminated(BaseException):
    """A signal told the process to end. No ``Exception``, like KeyboardInterrupt: only clean-up runs."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.status = 128 + number  # the exit status, as shells count it


def open_streams() -> None:
    """Give each standard stream that was closed (``>&-``) the null device.

    Else Python has None in its place, and the next file that is opened gets its number: what any library
    prints would land in it.
    """
    for name, mode in _STREAMS.items():
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # the lowest free number is the stream's


def print_error(line: str) -> None:
    """Print a line on standard error; ignored where that is closed."""
    with suppress(OSError):
        print(line, file=sys.stderr)


def run_and_flush(run: Callable[[], int]) -> int:
    """Run a command, and write out what it printed while somebody still catches what goes wrong there."""
    try:
        status = run()
    except SystemExit:  # of --help and --version
        sys.stdout.flush()
        raise
    sys.stdout.flush()
    return status


def discard_output() -> None:
    """Let go of a standard output that takes nothing more, or Python would complain at its end."""
    with suppress(OSError, ValueError):  # ValueError: it is none of the system's, as in tests
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def terminate_on_signals() -> Iterator[None]:
    """Raise Terminated where a signal asks the process to end, so that nothing unfinished is left behind.

    One that is ignored (``nohup``) or handled already stays so. A second one does not break off the clean-up.
    """
    here = current_thread() is main_thread()  # no other may ask for signals
    taken = [number for number in SIGNALS if here and signal.getsignal(number) is signal.SIG_DFL]
    try:
        for number in taken:
            signal.signal(number, _stop)
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


def _stop(number: int, _: FrameType | None) -> None:
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise Terminated(number)
