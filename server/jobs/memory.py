"""Jobs in this process's memory, done one after the other by one thread.

A restart forgets queued and finished jobs: a client then gets 404 and sends its order again, while results
that were made stay fetchable until they expire. The SQL records and the broker of issue 4 put an end to that
behind the same interface.
"""

from __future__ import annotations

import logging
import math
import secrets
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from threading import Condition, Thread

from reenact.errors import Cancelled, InputError
from server.errors import NotFound, NotReady, QueueFull, public_detail
from server.jobs.job import ENDED, Failure, Job, Outcome
from server.jobs.order import Order
from server.jobs.work import Worker

log = logging.getLogger(__name__)
FIRST_GUESS = 10.0  # seconds a job takes, before one was measured
REMEMBERED = 20  # jobs whose duration makes the estimate


class MemoryJobs:
    """The queue, its records and its thread; see ``Jobs`` for what the methods promise."""

    def __init__(self, worker: Worker, limit: int, on_broken: Callable[[Exception], None]) -> None:
        """Make an idle queue.

        Args:
            worker: does the orders.
            limit: jobs that may wait.
            on_broken: is told when the worker cannot be opened, for instance because the model is damaged.
        """
        self._worker, self._limit, self._on_broken = worker, limit, on_broken
        self._jobs: dict[str, Job] = {}  # in the order of submission
        self._queue: deque[str] = deque()
        self._durations: deque[float] = deque(maxlen=REMEMBERED)
        self._changed = Condition()
        self._ready = self._closed = False
        self._thread = Thread(target=self._run, name="jobs", daemon=True)

    @property
    def ready(self) -> bool:
        """Whether the worker is open."""
        return self._ready

    def start(self) -> None:
        """Open the worker in its own thread and begin."""
        self._thread.start()

    def submit(self, order: Order, frames_total: int) -> Job:
        """Take an order; raises QueueFull, and NotReady while the service stops."""
        with self._changed:
            if self._closed:
                raise NotReady("The server is stopping. Send the order again in a moment.")
            if len(self._queue) >= self._limit:
                raise QueueFull(self._seconds_until_room())
            job = Job(secrets.token_hex(16), order, "queued", time.time(), frames_total)
            self._jobs[job.id] = job
            self._queue.append(job.id)
            self._changed.notify_all()
            return self._placed(job)

    def get(self, id: str) -> Job:
        """The job as it is now; raises NotFound."""
        with self._changed:
            return self._placed(self._known(id))

    def all(self) -> list[Job]:
        """All remembered jobs, oldest first."""
        with self._changed:
            return [self._placed(job) for job in self._jobs.values()]

    def wait(self, id: str, seconds: float) -> Job:
        """The job when it ends, or when the time is over; raises NotFound."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._known(id).status in ENDED, seconds)
            return self._placed(self._known(id))

    def cancel(self, id: str) -> Job:
        """Stop it, or delete its result; raises NotFound.

        A job that renders stops at the next frame; one that still looks for faces stops when it begins to
        render. Its status says ``cancelled`` at once.
        """
        with self._changed:
            job = self._known(id)
            if job.outcome:
                self._worker.delete(job.outcome)
                return self._change(id, outcome=None)
            if job.status == "queued":
                self._queue.remove(id)
                self._worker.drop(job.order)
            if job.status in ENDED:
                return job
            return self._change(id, status="cancelled", ended=time.time())

    def forget(self, before: float) -> int:
        """Drop the jobs that ended before this time and tell how many."""
        with self._changed:
            old = [job.id for job in self._jobs.values() if job.ended is not None and job.ended < before]
            for id in old:
                del self._jobs[id]
            return len(old)

    def close(self, seconds: float) -> bool:
        """Cancel all that has not ended; whether the thread ended within the time."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for job in self.all():
            if job.status not in ENDED:
                self.cancel(job.id)
        if self._thread.is_alive():
            self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        """The thread: open the worker, then do one job after the other."""
        try:
            self._worker.open()
        except Exception as e:
            self._on_broken(e)
            return
        self._ready = True
        while (job := self._next()) is not None:
            self._do(job)

    def _next(self) -> Job | None:
        """Wait for a job and mark it as running; None when the service stops."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._closed)
            if self._closed:
                return None
            return self._change(self._queue.popleft(), status="running", started=time.time())

    def _do(self, job: Job) -> None:
        """Do one job and record how it ended."""

        def watch(done: int, total: int) -> None:
            with self._changed:
                if self._status(job.id) != "running":
                    raise Cancelled("The job was cancelled.")
                self._change(job.id, frames_done=done, frames_total=total)

        try:
            outcome = self._worker.do(job.order, watch)
        except Exception as e:
            self._failed(job.id, e)
        else:
            self._succeeded(job.id, outcome)

    def _succeeded(self, id: str, outcome: Outcome) -> None:
        with self._changed:
            if self._status(id) != "running":  # cancelled after its last frame
                self._worker.delete(outcome)
                return
            job = self._change(id, status="succeeded", ended=time.time(), outcome=outcome)
            self._durations.append((job.ended or 0) - (job.started or 0))
        log.info("Job %s made %d frames in %.1f s", id, outcome.frames, self._durations[-1])

    def _failed(self, id: str, error: Exception) -> None:
        code, detail = public_detail(error)
        with self._changed:
            if self._status(id) != "running":
                return
            # Logged first: whoever sees the job as failed finds the reason in the log.
            if isinstance(error, InputError):
                log.info("Job %s failed: %s", id, code)
            else:
                log.error("Job %s failed: %s", id, code, exc_info=error)
            self._change(id, status="failed", ended=time.time(), failure=Failure(code, detail))

    def _known(self, id: str) -> Job:
        try:
            return self._jobs[id]
        except KeyError:
            raise NotFound("There is no such animation; it may have been deleted or forgotten.") from None

    def _status(self, id: str) -> str:
        job = self._jobs.get(id)
        return job.status if job else "cancelled"

    def _change(self, id: str, **changes: object) -> Job:
        job = self._jobs[id] = replace(self._jobs[id], **changes)  # type: ignore[arg-type]
        self._changed.notify_all()
        return job

    def _placed(self, job: Job) -> Job:
        """The job with its place in the queue."""
        return replace(job, position=self._queue.index(job.id) + 1) if job.status == "queued" else job

    def _seconds_until_room(self) -> int:
        """When the running job will probably end and the queue move up."""
        usual = sum(self._durations) / len(self._durations) if self._durations else FIRST_GUESS
        running = next((job for job in self._jobs.values() if job.status == "running"), None)
        spent = time.time() - (running.started or 0) if running else 0.0
        return max(1, math.ceil(usual - spent))
