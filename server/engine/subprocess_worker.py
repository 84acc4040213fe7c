"""The engine in a separate process: it can be killed, and shares no interpreter with the request threads.

See ``server.engine.child_process`` for that process.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from queue import Empty
from threading import Event, Lock, Thread

from reenact.types import FrameCallback
from server.engine.child_process import POLL_SECONDS, Child, JobSlot, Preview, Progress, Task
from server.errors import EngineDied, NotReady
from server.jobs.job import Job, Outcome
from server.jobs.watching import JobInterrupted, JobWatch
from server.settings import Settings

log = logging.getLogger(__name__)
MAX_RESTART_SECONDS = (
    30.0  # seconds between two starts of an engine that never gets warm; the first time it is one
)


class SubprocessWorker:
    """Runs jobs in the engine's process, and replaces that if it dies or hangs; see ``Worker``."""

    def __init__(self, settings: Settings, on_broken: Callable[[Exception], None]) -> None:
        """Start nothing yet; ``on_broken`` is told when an engine that died cannot be opened again."""
        self._settings, self._on_broken = settings, on_broken
        self._child: Child | None = None
        self._closed, self._start_lock = Event(), Lock()

    @property
    def ready(self) -> bool:
        """Whether there is a process with a warm engine that does not seem to hang."""
        return self._child is not None and self._child.ready

    @property
    def pid(self) -> int | None:
        """Of the present process."""
        return self._child.pid if self._child else None

    def open(self) -> str:
        """Start the process and tell where the model runs; raises SetupError."""
        provider = self._start_child()
        Thread(target=self._restart_loop, name="engine", daemon=True).start()
        return provider

    def run_job(self, job: Job, name: str, watch: JobWatch, show: FrameCallback) -> Outcome:
        """Run a job; see ``Worker``.

        Raises:
            EngineDied: the process died by itself, or was killed because of this job.
            JobInterrupted: it was killed because of another job there.
        """
        child, slot = self._assign(Task(job, name), watch)
        try:
            ended = _await_outcome(slot, watch, show)
        except (EOFError, OSError):
            raise _death_error(child, slot) from None
        child.release(slot)
        if isinstance(ended, Exception):
            raise ended
        return ended

    def close(self) -> None:
        """End the process, whatever it does: what it publishes appears all at once or never."""
        with self._start_lock:
            self._closed.set()
        if self._child:
            self._child.end()

    def _assign(self, task: Task, watch: JobWatch) -> tuple[Child, JobSlot]:
        """Start a job in a free slot; ``watch`` may cancel the waiting for a new process."""
        while True:
            child = self._child
            if child and child.ready:
                with suppress(Empty, OSError):  # the latter of a process that has just died
                    slot = child.free_slots.get(timeout=POLL_SECONDS)
                    slot.begin(task)
                    return child, slot
            else:
                self._closed.wait(POLL_SECONDS)
            watch(0, task.job.frames_total)

    def _restart_loop(self) -> None:
        """Restart the process whenever it dies."""
        while child := self._child:
            status = child.wait()
            if self._closed.is_set():
                return
            child.end()
            log.error("The engine's process died (status %d) and is restarted", status)
            try:
                self._start_child()
            except Exception as e:
                if not self._closed.is_set():
                    self._on_broken(e)
                return

    def _start_child(self) -> str:
        """Start the process, with retries, until its engine is warm; raises SetupError."""
        pause = 1.0
        while True:
            with self._start_lock:
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
            pause = min(2 * pause, MAX_RESTART_SECONDS)


def _await_outcome(slot: JobSlot, watch: JobWatch, show: FrameCallback) -> Outcome | Exception:
    """Wait for the end of a job; an exception of ``watch`` or ``show`` cancels it.

    Raises EOFError or OSError where the process dies, unless the job was to stop anyway.
    """
    stopped: Exception | None = None
    try:
        while True:
            message = slot.line.recv() if slot.line.poll(POLL_SECONDS) else None
            if isinstance(message, Outcome):
                return message
            if isinstance(message, Exception):
                return stopped or message
            if message:
                slot.idle_seconds = 0.0
            slot.reporting = True
            try:
                if not stopped:
                    _forward(message, watch, show)
            except Exception as e:
                stopped = e
                slot.stop()
            finally:
                slot.reporting = False
    except (EOFError, OSError):
        if stopped:
            raise stopped from None
        raise


def _forward(message: object, watch: JobWatch, show: FrameCallback) -> None:
    """Pass on a message; without one, check for cancellation."""
    if isinstance(message, Preview):
        show(message.frame)
    elif isinstance(message, Progress):
        watch(message.done, message.total)
    else:
        watch.check()


def _death_error(child: Child, slot: JobSlot) -> Exception:
    """Why a job ended together with its process."""
    if child.killed and not slot.caused_kill:
        return JobInterrupted("The engine was replaced because of another job.")
    return EngineDied("The engine's process died, or hung and was killed.")
