"""Every result of the service carries the mark of its job."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from reenact.engine import Engine
from reenact.provenance.verify import verify
from reenact.watermark.embed import PUBLIC_KEY
from server.app import create_app
from server.container import services_of
from server.engine.work import watermark_id
from server.settings import Settings

from .conftest import Client, until

pytestmark = pytest.mark.real_engine
SECRET = "a secret of the operator"


@pytest.fixture
def secretive(settings: Settings, engine: Engine, tmp_path: Path) -> Iterator[Client]:
    """A client of a service with a key of its own."""
    app = create_app(replace(settings, data=tmp_path / "var", watermark_key=SECRET), lambda: engine)
    app.test_client_class = Client
    services_of(app).start()
    until(lambda: services_of(app).jobs.ready, bool)
    yield app.test_client()  # type: ignore[misc]
    assert services_of(app).close()


def result(client: Client, folder: Path, format: str) -> tuple[str, Path]:
    """A new job's id and its file."""
    job = client.order(prefer="wait=30", format=format, size="512", paste="crop").json
    assert job is not None and job["status"] == "succeeded", job
    path = folder / f"result.{format}"
    path.write_bytes(client.get(job["result"]["url"]).data)
    return job["id"], path


@pytest.mark.parametrize("format", ["mp4", "gif", "webp"])
def test_a_result_carries_the_mark_of_its_job(client: Client, tmp_path: Path, format: str) -> None:
    job, path = result(client, tmp_path, format)
    mark = verify(path).watermark
    assert mark is not None
    assert mark.id == watermark_id(job)
    assert watermark_id(job[::-1]) != mark.id


def test_with_a_key_of_its_own_only_that_key_reads_the_mark(secretive: Client, tmp_path: Path) -> None:
    job, path = result(secretive, tmp_path, "mp4")
    assert verify(path, PUBLIC_KEY).watermark is None
    mark = verify(path, SECRET.encode()).watermark
    assert mark is not None and mark.id == watermark_id(job)
