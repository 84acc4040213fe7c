"""A process that holds the engine, as its parent sees it. It runs ``server.engine.process``.

There is one pipe for each job that may run at once. It carries a ``Task`` to the process, ``Progress`` and
``Preview`` back, and at the end an ``Outcome`` or an exception. ``STOP`` cancels the job. Another pipe
carries the heartbeat of the process.

A process that is stopped, or stuck in a loop or in a call, does not answer ``STOP`` and never ends by itself.
So it is killed when its heartbeat stops, when a job shows no progress, or when a job goes on after ``STOP``.
"""

from __future__ import annotations

import logging
import os
import pickle
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from queue import SimpleQueue
from subprocess import PIPE, Popen
from threading import Thread
from typing import TypeAlias

from reenact.types import Picture
from server.jobs.job import Job, Outcome
from server.settings import Settings

log = logging.getLogger(__name__)
COMMAND = (sys.executable, "-P", "-m", "server.engine.process")
STOP = "stop"
NICE = 10  # about a tenth of the CPU time of a process at normal priority on the same core
POLL_SECONDS = 0.1  # seconds between two checks of the process
PULSE_SECONDS = 1.0  # seconds between two heartbeats
PULSE_LATE_SECONDS = 5.0  # seconds without a heartbeat after which it counts as not ready
START_SECONDS = 60.0  # minimum limit without a heartbeat until the engine is warm
STOP_SECONDS = 0.4  # seconds that a cancelled job may take to stop

Line: TypeAlias = "Connection[Task | str, str | Progress | Preview | Outcome | Exception]"


@dataclass(frozen=True)
class Task:
    """A job and the name for its result."""

    job: Job
    name: str


@dataclass(frozen=True)
class Progress:
    """The progress of a job."""

    done: int  # frames
    total: int  # 0 where it is not known


@dataclass(frozen=True)
class Preview:
    """A frame of a job, scaled down for preview."""

    frame: Picture


@dataclass(eq=False)
class JobSlot:
    """A pipe to one thread of the process, and the state of its job, if it has one."""

    line: Line
    busy: bool = False
    idle_seconds: float = 0.0  # seconds since the job's last progress
    reporting: bool = False  # a message is being handled, which may wait for the database
    stopped: float | None = None  # when it was cancelled, on the monotonic clock
    caused_kill: bool = False  # the process was killed because of this job

    def begin(self, task: Task) -> None:
        """Send a job; raises OSError where the process has died."""
        self.idle_seconds, self.stopped, self.busy = 0.0, None, True
        self.line.send(task)

    def stop(self) -> None:
        """Cancel the job; raises OSError where the process has died."""
        self.stopped = time.monotonic()
        self.line.send(STOP)


class Child:
    """One process from its start to its end."""

    def __init__(self, settings: Settings) -> None:
        """Start it; ``open`` waits until its engine is warm."""
        self._settings = settings
        self._pulse, pulse = Pipe(duplex=False)
        pairs = [Pipe() for _ in range(settings.job_threads)]
        self.killed = False  # by us
        self.slots = [JobSlot(ours) for ours, _ in pairs]
        self.free_slots: SimpleQueue[JobSlot] = SimpleQueue()
        self._pulse_age, self._warm = 0.0, False
        self._process = _spawn([pulse, *(theirs for _, theirs in pairs)])
        for each in (pulse, *(theirs for _, theirs in pairs)):
            each.close()
        Thread(target=self._monitor, name="pulse", daemon=True).start()

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    @property
    def ready(self) -> bool:
        """Whether it is warm, runs, and no job there has been silent for suspiciously long."""
        silent = max((slot.idle_seconds for slot in self.slots if slot.busy), default=0.0)
        return self._warm and self._pulse_age < PULSE_LATE_SECONDS and silent < self._settings.hang_after / 2

    def open(self) -> str:
        """Wait until the engine is warm; return where it runs.

        Raises:
            SetupError: it cannot be opened.
            EOFError, OSError: the process died.
        """
        assert self._process.stdin
        pickle.dump(self._settings, self._process.stdin)
        self._process.stdin.flush()  # and it stays open, since the process ends with it
        message = self.slots[0].line.recv()
        if isinstance(message, Exception):
            raise message
        if self._settings.broker is None:  # or else no requests are answered here
            # Not before: it would not get warm beside other busy programs.
            _lower_priority(self.pid, self._settings.job_priority == "idle")
        for slot in self.slots:
            self.free_slots.put(slot)
        self._warm = True
        return str(message)

    def release(self, slot: JobSlot) -> None:
        """Free a slot for the next job."""
        slot.busy = False
        self.free_slots.put(slot)

    def wait(self) -> int:
        """Wait until it has died, for whatever reason; its exit status."""
        status = self._process.wait()
        self._warm = False
        return status

    def end(self) -> None:
        """Kill it if it still runs, and close its input."""
        self._warm = False
        self._process.kill()
        self._process.wait()
        if self._process.stdin:
            with suppress(OSError):  # it died before it had read the settings
                self._process.stdin.close()

    def _monitor(self) -> None:
        """Kill it if it hangs.

        Each check adds a second at most: if this process was suspended too, because the machine slept for
        instance, the child is not blamed for that.
        """
        last = time.monotonic()
        while self._process.poll() is None:
            self._read_pulse()
            now = time.monotonic()
            passed, last = min(now - last, PULSE_SECONDS), now
            self._pulse_age += passed
            for slot in self.slots:
                slot.idle_seconds += 0.0 if slot.reporting else passed
                if slot.busy and self._hangs(slot, now):
                    self._kill(slot)
            granted = (
                self._settings.hang_after if self._warm else max(self._settings.hang_after, START_SECONDS)
            )
            if self._pulse_age > granted:
                self._kill(None)

    def _read_pulse(self) -> None:
        """Wait briefly for a heartbeat."""
        try:
            if self._pulse.poll(POLL_SECONDS):
                self._pulse.recv()
                self._pulse_age = 0.0
        except (EOFError, OSError):  # it is about to die
            time.sleep(POLL_SECONDS)

    def _hangs(self, slot: JobSlot, now: float) -> bool:
        ignores_stop = slot.stopped is not None and now - slot.stopped > STOP_SECONDS
        return ignores_stop or slot.idle_seconds > self._settings.hang_after

    def _kill(self, slot: JobSlot | None) -> None:
        """Kill the process because of one job; without a heartbeat any job there may be the cause."""
        if not self.killed:
            no_pulse = slot is None or self._pulse_age >= PULSE_LATE_SECONDS
            for each in self.slots:
                each.caused_kill = each is slot or (each.busy and no_pulse)
            self.killed, self._warm = True, False
            why = "a cancelled job did not stop" if slot and slot.stopped else "it hangs"
            log.error("The engine's process is killed because %s", why)
        self._process.kill()


def _spawn(lines: list[Connection]) -> Popen[bytes]:
    """The process, which imports from where this one does."""
    numbers = [line.fileno() for line in lines]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(each or os.curdir for each in sys.path)}
    return Popen([*COMMAND, *map(str, numbers)], stdin=PIPE, pass_fds=numbers, env=environment)


def _lower_priority(pid: int, idle: bool) -> None:
    """Lower the priority of a process and all its threads; on Linux each thread has its own.

    There, a nice thread may keep a core for some milliseconds that another wants; an ``idle`` one loses it at
    once.
    """
    nice = min(os.getpriority(os.PRIO_PROCESS, 0) + NICE, 19)
    threads = Path(f"/proc/{pid}/task")
    for each in threads.iterdir() if threads.exists() else [Path(str(pid))]:
        with suppress(ProcessLookupError):  # a thread that has just ended
            os.setpriority(os.PRIO_PROCESS, int(each.name), nice)
            if idle and sys.platform == "linux":
                os.sched_setscheduler(int(each.name), os.SCHED_IDLE, os.sched_param(0))
