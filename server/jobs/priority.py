"""Who goes first where one machine both answers requests and computes: the one who answers."""

from __future__ import annotations

import os
import sys
import threading

NICE = 10  # a tenth of the share of a thread that does not give way, where both want the same core


def give_way() -> None:
    """Let this thread, and those it starts from now on, give way to the others of this process.

    A request takes a millisecond of a core, in some ten pieces between which it waits for a file or a lock.
    Threads that compute without end would keep it waiting after each. Only Linux knows nice threads.
    """
    if sys.platform == "linux":
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, max(NICE, os.getpriority(os.PRIO_PROCESS, thread)))
