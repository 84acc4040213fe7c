"""The real servers, started where their programs are."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from . import machines
from .gallery import make_gallery

Need = Callable[[str, object], None]


@pytest.fixture
def redis(need: Need, tmp_path: Path) -> Iterator[tuple[str, machines.Process]]:
    """URL and process of a Redis of the test's own, which it may kill."""
    need("redis-server", shutil.which("redis-server"))
    with machines.redis(tmp_path) as found:
        yield found


@pytest.fixture(scope="session")
def rabbitmq(need: Need, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a RabbitMQ."""
    need("rabbitmq-server", machines.RABBIT.exists())
    with machines.rabbitmq(tmp_path_factory.mktemp("rabbitmq")) as url:
        yield url


@pytest.fixture(scope="session")
def postgres(need: Need) -> Iterator[str]:
    """URL of a PostgreSQL."""
    need("postgresql", machines.postgres_binary("postgres"))
    with machines.postgres() as url:
        yield url


@pytest.fixture(scope="session")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the templates ``tiny`` and ``long``."""
    return make_gallery(tmp_path_factory.mktemp("gallery") / "templates")
