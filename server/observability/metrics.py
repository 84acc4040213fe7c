"""Metrics for Prometheus: counters of this process, and the number of jobs in the database.

Each app has a registry of its own. No label takes a value that a client chose.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
    start_http_server,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from reenact.errors import SetupError
from reenact.os_errors import reason

if TYPE_CHECKING:
    from server.jobs import Job, JobRepository, Outcome

_WAITS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800)  # seconds
_STAGES = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300)  # seconds
_REQUESTS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)  # seconds
_RATES = (1, 2.5, 5, 7.5, 10, 15, 20, 25, 30, 45, 60, 90, 120, 240)  # frames a second
_RUNTIMES = ("onnxruntime", "onnxruntime-gpu")


class Metrics:
    """The instruments of one process. All methods may be called from any thread."""

    def __init__(self) -> None:
        """Register the instruments in a new registry."""
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a time for each, that nobody draws
        registry = self.registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        Info("reenact_build", "What runs here.", registry=registry).info(_build())
        self._ready = Gauge("reenact_ready", "Whether /readyz would say yes: 1 or 0.", registry=registry)
        self._engine = Gauge(
            "reenact_engine_info",
            "Where the model runs, once it is loaded: always 1.",
            ["provider"],
            registry=registry,
        )
        self._waited = Histogram(
            "reenact_queue_wait_seconds",
            "From a job's order to its first attempt.",
            buckets=_WAITS,
            registry=registry,
        )
        self._attempts = Counter(
            "reenact_attempts",
            "Attempts at jobs that ended here; outcome: succeeded, cancelled, requeued or an error's code.",
            ["outcome"],
            registry=registry,
        )
        self._stages = Histogram(
            "reenact_stage_seconds",
            "Of jobs that succeeded here, by stage of the pipeline.",
            ["stage"],
            buckets=_STAGES,
            registry=registry,
        )
        self._frames = Counter("reenact_frames", "Frames made here, as they are made.", registry=registry)
        self._rate = Histogram(
            "reenact_frames_per_second",
            "Frames of a job that succeeded here by its seconds, all stages together.",
            buckets=_RATES,
            registry=registry,
        )
        self._requests = Counter(
            "reenact_http_requests",
            "Requests answered, by the route's template.",
            ["route", "method", "status"],
            registry=registry,
        )
        self._answered = Histogram(
            "reenact_http_request_seconds",
            "Until the answer began.",
            ["route", "method"],
            buckets=_REQUESTS,
            registry=registry,
        )

    def watch_jobs(
        self, records: JobRepository, workers: Callable[[], Mapping[str, int]], ready: Callable[[], bool]
    ) -> None:
        """Report these jobs, how many ``workers`` take each kind, and ``ready`` at each scrape."""
        self.registry.register(_Recorded(records, workers))
        self._ready.set_function(lambda: float(ready()))

    def watch_engine(self, pid: Callable[[], int | None]) -> None:
        """Report memory, CPU time and files of the engine's process too, while there is one."""
        ProcessCollector("reenact_engine", lambda: pid() or "none", registry=self.registry)

    def engine_opened(self, provider: str) -> None:
        """The engine is open and computes with this provider of onnxruntime."""
        self._engine.labels(provider).set(1)

    def attempt_started(self, job: Job) -> None:
        """An attempt at a job begins; only the first has waited for its turn alone."""
        if job.attempts == 1 and job.started:
            self._waited.observe(max(0.0, job.started - job.created))

    def frames_made(self, frames: int) -> None:
        """So many more frames were made."""
        self._frames.inc(frames)

    def attempt_succeeded(self, outcome: Outcome) -> None:
        """An attempt ended well."""
        self.attempt_ended("succeeded")
        for stage, seconds in outcome.seconds.items():
            self._stages.labels(stage).observe(seconds)
        if outcome.stored and (total := sum(outcome.seconds.values())):
            self._rate.observe(outcome.frames / total)

    def attempt_ended(self, outcome: str) -> None:
        """An attempt ended; ``outcome`` is a word of ours or the code of an error."""
        self._attempts.labels(outcome).inc()

    def request_answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """A request was answered."""
        self._requests.labels(route, method, status).inc()
        self._answered.labels(route, method).observe(seconds)

    def text(self) -> bytes:
        """Everything, in Prometheus' text format."""
        return generate_latest(self.registry)

    def listen(self, host: str, port: int) -> Callable[[], None]:
        """Serve metrics on a separate port; return a function that stops it; raises SetupError."""
        try:
            server, thread = start_http_server(port, host, self.registry)
        except OSError as e:
            raise SetupError(
                f"Metrics cannot be served on {host}, port {port}: {reason(e)}. "
                "Set REENACT_METRICS_PORT to a free one."
            ) from e

        def end() -> None:
            server.shutdown()
            server.server_close()
            thread.join()

        return end


class _Recorded(Collector):
    """The jobs of all processes, read from the database at each scrape.

    If the database is unreachable they are missing, and ``reenact_ready`` is soon 0.
    """

    def __init__(self, records: JobRepository, workers: Callable[[], Mapping[str, int]]) -> None:
        self._records, self._workers = records, workers

    def describe(self) -> Iterator[Metric]:
        """Names alone: the database is not asked while the instruments are put together."""
        yield from self._families()

    def collect(self) -> Iterator[Metric]:
        jobs, queued, workers, oldest = self._families()
        try:
            counts, longest = self._records.counts(), self._records.longest_wait()
            waiting, living = self._records.queued(), self._workers()
        except SQLAlchemyError:
            return
        for kind in sorted(waiting.keys() | living.keys()):
            queued.add_metric([kind], waiting.get(kind, 0))
            workers.add_metric([kind], living.get(kind, 0))
        for status, count in counts.items():
            jobs.add_metric([status], count)
        oldest.add_metric([], longest)
        yield from (jobs, queued, workers, oldest)

    def _families(self) -> tuple[GaugeMetricFamily, ...]:
        jobs = "Jobs that are remembered, by state; the same from every process."
        queued = "Jobs that wait, by kind of work; the same from every process."
        workers = "Living processes that take jobs of a kind; the same from every process."
        oldest = "Age of the oldest job that waits; the same from every process."
        return (
            GaugeMetricFamily("reenact_jobs", jobs, labels=["state"]),
            GaugeMetricFamily("reenact_queued_jobs", queued, labels=["kind"]),
            GaugeMetricFamily("reenact_workers", workers, labels=["kind"]),
            GaugeMetricFamily("reenact_queue_oldest_seconds", oldest),
        )


def _build() -> dict[str, str]:
    """Versions of what matters for speed and looks."""
    runtime = next((f"{name} {found}" for name in _RUNTIMES if (found := _version(name))), "none")
    return {"version": _version("reenact"), "python": platform.python_version(), "runtime": runtime}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
