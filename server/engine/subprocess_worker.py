"""The engine in a process of its own: it can be killed, and shares no interpreter with who answers requests.

See ``server.engine.child_process`` for that process.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from queue import Empty
from threading import Event, Lock, Thread

from reenact.types import FrameCallback
from server.engine.child_process import LOOK, Child, Far, Seat, Seen, Task
from server.errors import EngineDied, NotReady
from server.jobs.job import Job, Outcome
from server.jobs.watching import JobWatch, Stopping
from server.settings import Settings

log = logging.getLogger(__name__)
LONGEST = 30.0  # seconds between two starts of an engine that never gets warm; the first time it is one


class SubprocessWorker:
    """Has orders done in the engine's process, and replaces that when it dies or hangs; see ``Worker``."""

    def __init__(self, settings: Settings, on_broken: Callable[[Exception], None]) -> None:
        """Start nothing yet; ``on_broken`` is told when an engine that died cannot be opened again."""
        self._settings, self._on_broken = settings, on_broken
        self._child: Child | None = None
        self._closed, self._starting = Event(), Lock()

    @property
    def ready(self) -> bool:
        """Whether there is a process with a warm engine, and it does not hang as far as can be seen."""
        return self._child is not None and self._child.ready

    @property
    def pid(self) -> int | None:
        """Of the present process."""
        return self._child.pid if self._child else None

    def open(self) -> str:
        """Start the process and tell where the model runs; raises SetupError."""
        provider = self._begin()
        Thread(target=self._keep, name="engine", daemon=True).start()
        return provider

    def do(self, job: Job, name: str, watch: JobWatch, show: FrameCallback) -> Outcome:
        """Have a job done; see ``Worker``.

        Raises:
            EngineDied: the process died by itself, or was killed because of this job.
            Stopping: it was killed because of another job there.
        """
        child, seat = self._take(Task(job, name), watch)
        try:
            ended = _follow(seat, watch, show)
        except (EOFError, OSError):
            raise _end_of(child, seat) from None
        child.leave(seat)
        if isinstance(ended, Exception):
            raise ended
        return ended

    def close(self) -> None:
        """End the process, whatever it does: what it publishes appears all at once or never."""
        with self._starting:
            self._closed.set()
        if self._child:
            self._child.end()

    def _take(self, task: Task, watch: JobWatch) -> tuple[Child, Seat]:
        """Begin a job in a free seat; ``watch`` may end the waiting for a new process."""
        while True:
            child = self._child
            if child and child.ready:
                with suppress(Empty, OSError):  # the latter of a process that has just died
                    seat = child.free.get(timeout=LOOK)
                    seat.begin(task)
                    return child, seat
            else:
                self._closed.wait(LOOK)
            watch(0, task.job.frames_total)

    def _keep(self) -> None:
        """Replace the process whenever it dies."""
        while child := self._child:
            status = child.wait()
            if self._closed.is_set():
                return
            child.end()
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
            with self._starting:
                if self._closed.is_set():
                    raise NotReady("The server is stopping.")
                child = self._child = Child(self._settings)
            try:
                return child.open()
            except (EOFError, OSError):
                child.end()
                if not self._closed.is_set():
                    log.error("The engine's process died before it was ready (status %s)", child.wait())
            except BaseException:
                child.end()
                raise
            if self._closed.wait(pause):
                raise NotReady("The server is stopping.")
            pause = min(2 * pause, LONGEST)


def _follow(seat: Seat, watch: JobWatch, show: FrameCallback) -> Outcome | Exception:
    """How a job ended; what ``watch`` or ``show`` raises breaks it off.

    Raises EOFError or OSError where the process dies, unless the job was to stop anyway.
    """
    stopped: Exception | None = None
    try:
        while True:
            told = seat.line.recv() if seat.line.poll(LOOK) else None
            if isinstance(told, Outcome):
                return told
            if isinstance(told, Exception):
                return stopped or told
            if told:
                seat.silence = 0.0
            seat.telling = True
            try:
                if not stopped:
                    _pass_on(told, watch, show)
            except Exception as e:
                stopped = e
                seat.stop()
            finally:
                seat.telling = False
    except (EOFError, OSError):
        if stopped:
            raise stopped from None
        raise


def _pass_on(told: object, watch: JobWatch, show: FrameCallback) -> None:
    """Tell what was told, or ask in the silence whether the job is still wanted."""
    if isinstance(told, Seen):
        show(told.frame)
    elif isinstance(told, Far):
        watch(told.done, told.total)
    else:
        watch.check()


def _end_of(child: Child, seat: Seat) -> Exception:
    """Why a job ended with its process."""
    if child.killed and not seat.guilty:
        return Stopping("The engine was replaced because of another job.")
    return EngineDied("The engine's process died, or hung and was killed.")
