"""The broker of a URL: Redis, RabbitMQ, or this process's memory."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import dramatiq
from dramatiq.brokers.stub import StubBroker

from reenact.errors import ExtraMissing, SetupError

TIMEOUT = 2.0  # seconds that Redis may take to answer
# scheme of the URL -> the extra, and the package it brings
_EXTRAS = {
    "redis": ("redis", "redis"),
    "rediss": ("redis", "redis"),
    "amqp": ("rabbitmq", "pika"),
    "amqps": ("rabbitmq", "pika"),
}


def open_broker(url: str | None) -> dramatiq.Broker:
    """The broker of a URL, without Dramatiq's retries and time limits: the database handles both.

    Does not connect yet.

    Raises:
        SetupError: no broker has such a URL.
        ExtraMissing: its client is not installed.
    """
    if url is None:
        return StubBroker(middleware=[])
    scheme = url.partition("://")[0]
    extra, package = _EXTRAS.get(scheme, ("", ""))
    if not extra:
        raise SetupError(f"REENACT_BROKER begins with {scheme!r}; it must be redis:// or amqp://.")
    if find_spec(package) is None:
        raise ExtraMissing(f"REENACT_BROKER needs the extra {extra!r}: pip install 'reenact[{extra}]'.")
    return _redis(url) if is_redis(url) else _rabbitmq(url)


def ping(broker: dramatiq.Broker) -> None:
    """Check that the broker answers, in the thread that sends through it.

    A broken connection is replaced. Raises OSError, or what Redis' client raises, if the broker cannot be
    reached.
    """
    if hasattr(broker, "client"):  # Redis, whose client connects again by itself
        broker.client.ping()
    elif hasattr(type(broker), "connection"):  # RabbitMQ; asked of the broker itself it would connect
        _ping_rabbitmq(broker)


def _ping_rabbitmq(broker: Any) -> None:
    import pika.exceptions

    try:
        broker.connection.process_data_events()  # also answers the heartbeats
    except Exception:  # of the protocol or the network
        del broker.connection
        try:
            broker.connection.process_data_events()
        except pika.exceptions.AMQPError as e:
            raise OSError(str(e) or repr(e)) from e  # many of them have no message


def is_redis(url: str) -> bool:
    """Whether a URL is one of Redis."""
    return url.startswith(("redis://", "rediss://"))


def redis_options() -> dict[str, Any]:
    """Options of a Redis client: short timeouts, and one retry, for a Redis that was restarted."""
    from redis.backoff import NoBackoff
    from redis.exceptions import ConnectionError
    from redis.retry import Retry

    retry = Retry(NoBackoff(), 1, supported_errors=(ConnectionError,))
    return {"socket_timeout": TIMEOUT, "socket_connect_timeout": TIMEOUT, "retry": retry}


def _redis(url: str) -> dramatiq.Broker:
    import redis
    from dramatiq.brokers.redis import RedisBroker

    class Client(redis.Redis):
        """Raises ConnectionError on a timeout, since Dramatiq's consumers handle no other error."""

        def execute_command(self, *args: Any, **options: Any) -> Any:
            try:
                return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
            except redis.TimeoutError as e:
                raise redis.ConnectionError(str(e)) from e

    return RedisBroker(client=Client.from_url(url, **redis_options()), middleware=[])  # type: ignore[no-untyped-call]


def _rabbitmq(url: str) -> dramatiq.Broker:
    from dramatiq.brokers.rabbitmq import RabbitmqBroker

    return RabbitmqBroker(url=url, middleware=[])
