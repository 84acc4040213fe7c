"""The engine in a process of its own, so that who answers requests shares no interpreter with it.

That process is ``server.engine_process``. A line to it, one for each job that may be done at once, carries a
``Task`` there, frames back as they are made (``Far``, ``Seen``), and in the end an ``Outcome`` or an error.
``STOP`` breaks a job off.
"""

from __future__ import annotations

import logging
import os
import pickle
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from queue import Empty, SimpleQueue
from subprocess import PIPE, Popen
from threading import Event, Lock, Thread
from typing import TypeAlias

from reenact.types import Picture, Show, Watch
from server.config import Settings
from server.errors import EngineDied, NotReady
from server.jobs.job import Job, Outcome

log = logging.getLogger(__name__)
COMMAND = (sys.executable, "-P", "-m", "server.engine_process")
STOP = "stop"
NICE = 10  # a tenth of the share of a process that does not give way, where both want the same core
LOOK = 0.3  # seconds between two looks at whether a job that waits for the engine is still wanted
LONGEST = 30.0  # seconds between two starts of an engine that never gets warm; the first time it is one

Line: TypeAlias = "Connection[Task | str, str | Far | Seen | Outcome | Exception]"


@dataclass(frozen=True)
class Task:
    """A job, and the name that its result is to get."""

    job: Job
    name: str


@dataclass(frozen=True)
class Far:
    """How far a job is."""

    done: int  # frames
    total: int  # 0 where it is not known


@dataclass(frozen=True)
class Seen:
    """A frame that a job has made, scaled down to be looked at."""

    frame: Picture


class ApartWorker:
    """Has orders done in the engine's process, and replaces that when it dies; see ``Worker``."""

    def __init__(self, settings: Settings, on_broken: Callable[[Exception], None]) -> None:
        """Start nothing yet; ``on_broken`` is told when an engine that died cannot be opened again."""
        self._settings, self._on_broken = settings, on_broken
        self._process: Popen[bytes] | None = None
        self._lines: SimpleQueue[Line] = SimpleQueue()  # those of the present process that are free
        self._ready, self._closed, self._starting = False, Event(), Lock()

    @property
    def ready(self) -> bool:
        """Whether there is a process with a warm engine."""
        return self._ready

    @property
    def pid(self) -> int | None:
        """Of the present process."""
        return self._process.pid if self._process else None

    def open(self) -> str:
        """Start the process and tell where the model runs; raises SetupError."""
        provider = self._begin()
        Thread(target=self._keep, name="engine", daemon=True).start()
        return provider

    def do(self, job: Job, name: str, watch: Watch, show: Show) -> Outcome:
        """Have a job done; see ``Worker``. Raises EngineDied besides."""
        lines, line = self._take(job, watch)
        try:
            line.send(Task(job, name))
            ended = _follow(line, watch, show)
        except (EOFError, OSError):
            raise EngineDied("The engine's process died.") from None
        lines.put(line)
        if isinstance(ended, Exception):
            raise ended
        return ended

    def close(self) -> None:
        """End the process, whatever it does: what it publishes appears all at once or never."""
        with self._starting:
            self._closed.set()
        if self._process:
            _end(self._process)

    def _take(self, job: Job, watch: Watch) -> tuple[SimpleQueue[Line], Line]:
        """A free line and where to put it back; ``watch`` may end the waiting for a new process."""
        while True:
            lines = self._lines
            try:
                return lines, lines.get(timeout=LOOK)
            except Empty:
                watch(0, job.frames_total)

    def _keep(self) -> None:
        """Replace the process whenever it dies."""
        while process := self._process:
            status = process.wait()
            if self._closed.is_set():
                return
            self._ready, self._lines = False, SimpleQueue()
            _end(process)
            log.error("The engine's process died (status %d) and is started again", status)
            try:
                self._begin()
            except Exception as e:
                if not self._closed.is_set():
                    self._on_broken(e)
                return

    def _begin(self) -> str:
        """Start the process, if need be again and again, until its engine is warm; raises SetupError."""
        pause = 1.0
        while True:
            try:
                return self._start()
            except (EOFError, OSError):
                if not self._closed.is_set():
                    status = self._process.returncode if self._process else None
                    log.error("The engine's process died before it was ready (status %s)", status)
            if self._closed.wait(pause):
                raise NotReady("The server is stopping.")
            pause = min(2 * pause, LONGEST)

    def _start(self) -> str:
        """Start the process once; raises SetupError, and EOFError or OSError where it dies."""
        pairs = [Pipe() for _ in range(self._settings.job_threads)]
        with self._starting:
            if self._closed.is_set():
                raise NotReady("The server is stopping.")
            process = self._process = _spawn([theirs for _, theirs in pairs])
        for _, theirs in pairs:
            theirs.close()
        assert process.stdin
        try:
            pickle.dump(self._settings, process.stdin)
            process.stdin.flush()  # and it stays open, since the process ends with it
            told = pairs[0][0].recv()
            if isinstance(told, Exception):
                raise told
            # Not before: it would not get warm beside other busy programs.
            _give_way(process.pid, self._settings.job_priority == "idle")
        except BaseException:
            _end(process)
            raise
        lines: SimpleQueue[Line] = SimpleQueue()
        for ours, _ in pairs:
            lines.put(ours)
        self._lines, self._ready = lines, True
        return str(told)


def _spawn(lines: list[Line]) -> Popen[bytes]:
    """The process, which imports from where this one does."""
    numbers = [line.fileno() for line in lines]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(each or os.curdir for each in sys.path)}
    return Popen([*COMMAND, *map(str, numbers)], stdin=PIPE, pass_fds=numbers, env=environment)


def _give_way(pid: int, idle: bool) -> None:
    """Let a process give way to this one with all its threads; on Linux each has its own priority.

    There, who is nice may keep a core for milliseconds that another wants; who is ``idle`` loses it at once.
    """
    nice = min(os.getpriority(os.PRIO_PROCESS, 0) + NICE, 19)
    threads = Path(f"/proc/{pid}/task")
    for each in threads.iterdir() if threads.exists() else [Path(str(pid))]:
        with suppress(ProcessLookupError):  # a thread that has just ended
            os.setpriority(os.PRIO_PROCESS, int(each.name), nice)
            if idle and sys.platform == "linux":
                os.sched_setscheduler(int(each.name), os.SCHED_IDLE, os.sched_param(0))


def _end(process: Popen[bytes]) -> None:
    """Kill it where it still runs, and let go of it."""
    process.kill()
    process.wait()
    if process.stdin:
        process.stdin.close()


def _follow(line: Line, watch: Watch, show: Show) -> Outcome | Exception:
    """How a job ended; what ``watch`` or ``show`` raises breaks it off."""
    stopped: Exception | None = None
    while True:
        told = line.recv()
        if isinstance(told, Outcome):
            return told
        if isinstance(told, Exception):
            return stopped or told
        if stopped:
            continue
        try:
            if isinstance(told, Seen):
                show(told.frame)
            elif isinstance(told, Far):
                watch(told.done, told.total)
        except Exception as e:
            stopped = e
            line.send(STOP)
