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

from . import daemons, machines
from .gallery import make_gallery
from .wire import Wire

Need = Callable[[str, object], None]
Names = Callable[[], list[str]]


@pytest.fixture
def redis(need: Need, tmp_path: Path) -> Iterator[tuple[str, machines.Process]]:
    """URL and process of a Redis of the test's own, which it may kill."""
    need("redis-server", shutil.which("redis-server"))
    with daemons.redis(tmp_path) as found:
        yield found


@pytest.fixture(scope="session")
def rabbit(need: Need, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, machines.Process]]:
    """URL and process of a RabbitMQ; a test that stops it starts it again."""
    need("rabbitmq-server", daemons.RABBIT.exists())
    with daemons.rabbitmq(tmp_path_factory.mktemp("rabbitmq")) as found:
        yield found


@pytest.fixture
def rabbitmq(rabbit: tuple[str, machines.Process]) -> str:
    """URL of a RabbitMQ."""
    return rabbit[0]


@pytest.fixture(scope="session")
def cluster(need: Need) -> Iterator[str]:
    """URL of a PostgreSQL."""
    need("postgresql", daemons.postgres_binary("postgres"))
    with daemons.postgres() as process:
        yield process.url


@pytest.fixture
def own_postgres(need: Need) -> Iterator[daemons.Postgres]:
    """A PostgreSQL that the test may stop."""
    need("postgresql", daemons.postgres_binary("postgres"))
    with daemons.postgres() as process:
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


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Port of an S3 that moto plays, over HTTP."""
    with daemons.s3(tmp_path_factory.mktemp("s3")) as port:
        yield port


@pytest.fixture
def far_bucket(s3: int) -> Iterator[tuple[dict[str, str], Wire, Names]]:
    """The settings that name a bucket of the test's own, the line to it, and what lies in it."""
    wire, name = Wire(s3), f"bucket-{uuid4().hex}"
    account = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    with closing(boto3.client("s3", endpoint_url=f"http://127.0.0.1:{s3}", **account)) as client:
        client.create_bucket(Bucket=name)
        variables = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{wire.port}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "REENACT_STORAGE": f"s3://{name}/service",
        }

        def names() -> list[str]:
            return [each["Key"] for each in client.list_objects_v2(Bucket=name).get("Contents", ())]

        yield variables, wire, names
    wire.cut()


@pytest.fixture
def bucket(far_bucket: tuple[dict[str, str], Wire, Names]) -> dict[str, str]:
    """The settings that name a bucket."""
    return far_bucket[0]
