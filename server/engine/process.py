"""The process that holds the engine, beside a server without a broker or a worker.

``server.engine.child_process`` starts and feeds it. It ends with its parent: when its standard input ends.
"""

from __future__ import annotations

import logging.config
import os
import pickle
import signal
import sys
import time
import traceback
from contextlib import suppress
from multiprocessing.connection import Connection
from threading import Thread
from typing import TypeAlias

import numpy as np
from PIL import Image

from reenact.errors import Cancelled, DiskFull, ReenactError
from reenact.types import FrameCallback, Picture, ProgressCallback
from server.database.database import Database
from server.disk import is_full
from server.engine.child_process import PULSE_SECONDS, Preview, Progress, Task
from server.engine.work import EngineWorker
from server.engine.worker import engine_worker
from server.jobs.job import Outcome
from server.observability import logs
from server.screening import Blocklist
from server.settings import Settings
from server.storage import open_storage

HOUR = 3600.0
PROGRESS_SECONDS = 0.1  # between two reports of progress
PREVIEW_SECONDS = 0.3  # between two preview frames
SIDE = 512  # pixels of the longer side of preview frames
GROUP_SIGNALS = (
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGQUIT,
)  # what terminals and supervisors send to all of a group

Line: TypeAlias = "Connection[str | Progress | Preview | Outcome | Exception, Task | str]"


def main() -> None:
    """Open the engine and run jobs until the server closes the input or dies."""
    for number in GROUP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)  # the server says what becomes of the job that runs
    try:
        settings: Settings = pickle.load(sys.stdin.buffer)
    except EOFError:
        return  # the server has died already
    logging.config.dictConfig(logs.config(settings.log))
    pulse: Connection[None, None] = Connection(int(sys.argv[1]), readable=False)
    Thread(target=_send_pulse, args=(pulse,), daemon=True).start()
    lines: list[Line] = [Connection(int(number)) for number in sys.argv[2:]]
    Thread(target=_work, args=(settings, lines), daemon=True).start()
    sys.stdin.buffer.read()
    os._exit(0)  # not torn down: threads may be inside the model


def _send_pulse(pulse: Connection[None, None]) -> None:
    """Send heartbeats."""
    with suppress(OSError):  # the server has died, and this process is about to
        while True:
            pulse.send(None)
            time.sleep(PULSE_SECONDS)


def _work(settings: Settings, lines: list[Line]) -> None:
    """Report where the model runs, or why it does not; then run the tasks of each pipe."""
    try:
        worker = _open(settings)
        provider = worker.open()
    except Exception as e:
        lines[0].send(_picklable(e))
        return
    for line in lines:
        Thread(target=_serve, args=(worker, line), daemon=True).start()
    lines[0].send(provider)


def _open(settings: Settings) -> EngineWorker:
    """A worker on the files and records of the server; raises SetupError."""
    storage = open_storage(settings.storage, settings.data, settings.result_hours * HOUR)
    return engine_worker(settings, storage, Blocklist(Database(settings.database, settings.data)))


def _serve(worker: EngineWorker, line: Line) -> None:
    """Run the tasks of one pipe."""
    try:
        while True:
            task = line.recv()
            if isinstance(task, Task):  # or else a word to stop that came when the job had ended
                line.send(_run_task(worker, task, line))
    except (EOFError, OSError):  # the server has died, and this process is about to
        return


def _run_task(worker: EngineWorker, task: Task, line: Line) -> Outcome | Exception:
    """Run a job and return how it ended."""
    about = logs.job.set(task.job.id)
    try:
        return worker.run_job(task.job, task.name, _progress_reporter(line), _preview_sender(line))
    except Exception as e:
        return _picklable(e)
    finally:
        logs.job.reset(about)


def _progress_reporter(line: Line) -> ProgressCallback:
    """A callback that reports progress, and cancels the job if the server says so."""
    due = 0.0

    def watch(done: int, total: int) -> None:
        nonlocal due
        if line.poll():
            line.recv()
            raise Cancelled("The job was cancelled.")
        if time.monotonic() >= due or done == total:
            line.send(Progress(done, total))
            due = time.monotonic() + PROGRESS_SECONDS

    return watch


def _preview_sender(line: Line) -> FrameCallback:
    """A callback that sends a small preview frame from time to time."""
    due = 0.0

    def show(frame: Picture) -> None:
        nonlocal due
        if time.monotonic() >= due:
            image = Image.fromarray(frame)
            image.thumbnail((SIDE, SIDE))
            line.send(Preview(np.asarray(image)))
            due = time.monotonic() + PREVIEW_SECONDS

    return show


def _picklable(error: Exception) -> Exception:
    """An error that can be pickled, with its traceback: one of ours, or only its message."""
    portable: Exception = error
    if is_full(error):
        portable = DiskFull(str(error))
    elif not isinstance(error, ReenactError):
        portable = RuntimeError(f"{type(error).__name__}: {error}")
    portable.add_note("".join(traceback.format_exception(error)))
    return portable


if __name__ == "__main__":
    main()
