"""Configuration of the log: text lines, or one JSON object per line.

It has no personal data: no client address, file name or key, and only the route's template of a request's
address. Other packages log warnings and errors only.
"""

from __future__ import annotations

import json
import logging
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from server.observability.request_id import request_id

FORMATS = ("text", "json")
CONSUMER_QUEUES = ("reenact", "reenact.DQ")  # of Dramatiq, by their queues
REQUESTS = "server.http.request_log"
FIELDS = ("request_id", "job", "method", "route", "status", "seconds")

job: ContextVar[str | None] = ContextVar("job", default=None)
"""Id of the job of this thread, which is added to its log lines."""


def config(kind: str) -> dict[str, Any]:
    """Settings for ``logging.config.dictConfig``."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "text": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"},
            "json": {"()": JsonLine},
        },
        "filters": {
            "context": {"()": Context},
            "lost": {"()": DropDisconnects},
        },
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": kind, "filters": ["context"]},
        },
        "root": {"level": "WARNING", "handlers": ["stderr"]},
        "loggers": {
            "server": {"level": "INFO"},
            "reenact": {"level": "INFO"},
            REQUESTS: {"level": "INFO" if kind == "json" else "WARNING"},  # too many for eyes
            "pika": {"level": "CRITICAL"},  # ten lines for each try to connect; jobs.calls says it once
            **{f"dramatiq.worker.ConsumerThread({name})": {"filters": ["lost"]} for name in CONSUMER_QUEUES},
            "waitress.queue": {"level": "ERROR"},  # it warns of each request that waits for a thread
        },
    }


class Context(logging.Filter):
    """Adds the ids of the request and the job to each record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Pass all."""
        record.request_id, record.job = request_id(), job.get()
        return True


class DropDisconnects(logging.Filter):
    """Drops Dramatiq's repeated message that the broker is unreachable; server.jobs.calls logs it once."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Pass the rest."""
        return not str(record.msg).startswith("Consumer encountered a connection error")


class JsonLine(logging.Formatter):
    """A record as one JSON object; fields that have no value are left out."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, in ASCII."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name in FIELDS if (value := getattr(record, name, None)) not in (None, "-")}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)
