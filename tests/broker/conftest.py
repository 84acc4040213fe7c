"""The real servers, started where their programs are."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import boto3
import psycopg
import pytest
from moto.server import ThreadedMotoServer

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
def cluster(need: Need) -> Iterator[str]:
    """URL of a PostgreSQL."""
    need("postgresql", machines.postgres_binary("postgres"))
    with machines.postgres() as process:
        yield process.url


@pytest.fixture
def own_postgres(need: Need) -> Iterator[machines.Postgres]:
    """A PostgreSQL that the test may stop."""
    need("postgresql", machines.postgres_binary("postgres"))
    with machines.postgres() as process:
        yield process


@pytest.fixture
def postgres(cluster: str) -> str:
    """URL of an empty database of the test's own, so that no test depends on those before it."""
    name = f"test{uuid4().hex}"
    with psycopg.connect(cluster, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"{cluster.rpartition('/')[0]}/{name}"


@pytest.fixture(scope="session")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the templates ``tiny`` and ``long``."""
    return make_gallery(tmp_path_factory.mktemp("gallery") / "templates")


@pytest.fixture
def bucket() -> Iterator[dict[str, str]]:
    """The settings that name a bucket of an S3 that moto plays, over HTTP."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    account = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    with closing(boto3.client("s3", endpoint_url=f"http://{host}:{port}", **account)) as client:
        client.create_bucket(Bucket="bucket")
    variables = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    yield variables | {"REENACT_STORAGE": "s3://bucket/service"}
    server.stop()
