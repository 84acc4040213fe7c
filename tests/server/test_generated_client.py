"""A client that a generator made from the OpenAPI document alone does a whole job, over a socket."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from hashlib import sha256
from types import ModuleType
from typing import Any

import pytest

from reenact.gallery import get_portrait
from tests.broker.machines import Server

from .load import serving

pytest.importorskip("openapi_python_client", reason="optional part missing: openapi_python_client")
GENERATE = (sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture(scope="module")
def made(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Name of the generated package."""
    folder = tmp_path_factory.mktemp("generated")
    (folder / "openapi.json").write_bytes(server.ask("/openapi.json"))
    subprocess.run(
        [*GENERATE, "--path", "openapi.json", "--output-path", "generated_client"],
        cwd=folder, check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    sys.path.insert(0, str(folder))
    yield "generated_client"
    sys.path.remove(str(folder))
    for name in [name for name in sys.modules if name.startswith("generated_client")]:
        del sys.modules[name]


def call(made: str, place: str) -> Any:
    """The function of an operation that blocks until its answer is there and gives its content."""
    return importlib.import_module(f"{made}.api.{place}").sync


def test_it_does_a_whole_job(made: str, server: Server) -> None:
    models: ModuleType = importlib.import_module(f"{made}.models")
    types: ModuleType = importlib.import_module(f"{made}.types")
    client = importlib.import_module(made).Client(server.address, raise_on_unexpected_status=True)
    with client as client:
        gallery = call(made, "templates.get_templates_list_all")(client=client)
        template = next(each.id for each in gallery.templates if each.id == "tiny")
        with get_portrait("eileen-collins").path.open("rb") as photo:
            order = models.AnimationIn(
                consent=True,
                selfie=types.File(photo, "me.jpg", "image/jpeg"),
                template=template,
                format_=models.AnimationInFormat.WEBP,
                metadata=json.dumps({"of": "me"}),
            )
            job = call(made, "animations.post_animations_create")(
                client=client, body=order, idempotency_key="once"
            )
        while job.status in ("queued", "running"):
            time.sleep(0.1)
            job = call(made, "animations.get_animations_get")(job.id, client=client)
        assert (job.status, job.progress, job.metadata) == ("succeeded", 1, '{"of": "me"}')
        content = client.get_httpx_client().get(job.result.url).content
        assert sha256(content).hexdigest() == job.result.sha256
        assert job.id in [
            each.id for each in call(made, "animations.get_animations_list_all")(client=client).animations
        ]
        refused = call(made, "animations.get_animations_get")("none", client=client)
        assert (refused.code, refused.status) == ("not_found", 404)
