from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from apiflask import APIFlask

from reenact.config import MOTIONS
from server.api import examples
from server.codes import CODES
from server.container import services_of

from .conftest import Client, until

ROOT = Path(__file__).parents[2]


def test_the_document_is_valid(client: Client) -> None:
    validator = pytest.importorskip(
        "openapi_spec_validator", reason="optional part missing: openapi_spec_validator"
    )
    spec = client.get("/openapi.json").json
    assert spec is not None and spec["openapi"].startswith("3.1")
    validator.validate(spec)


def test_every_route_is_in_the_document_and_on_the_page(client: Client, app: APIFlask) -> None:
    routes = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.endpoint.split(".")[0] not in ("static", "web", "openapi")
    }
    spec = client.get("/openapi.json").json
    assert spec is not None
    documented = {
        (path, method) for path, each in spec["paths"].items() for method in each if method != "parameters"
    }
    assert documented == routes
    page = client.get("/docs").text
    for path, method in routes:
        assert f"{method.upper()} {path}" in page
    for code in CODES:
        assert f'id="{code}"' in page
    for name in ("Idempotency-Key", "Prefer", "cursor", "queue_position", "has_audio"):
        assert f"<code>{name}</code>" in page
    assert "`" not in page and "Successful response" not in page
    links, places = (set(re.findall(rf'{name}="#?([A-Z]\w+)"', page)) for name in ("href", "id"))
    assert links <= places and "JobOut" in links
    assert page.index("POST /v1/animations") < page.index("GET /v1/animations") < page.index("GET /healthz")


def test_every_operation_is_described(client: Client) -> None:
    spec = client.get("/openapi.json").json
    assert spec is not None
    names = []
    for path, operations in spec["paths"].items():
        for method, operation in operations.items():
            if method == "parameters":
                continue
            names.append(operation["operationId"])
            assert operation["summary"].endswith("."), path
            for status, answer in operation["responses"].items():
                problem = status[0] in "45"
                assert set(answer.get("content", {})) == {"application/problem+json"} or not problem
                for code in re.findall(r"\b[a-z]+_[a-z_]+\b", answer["description"]) if problem else ():
                    assert CODES[code][0] == int(status)
    assert len(names) == len(set(names))
    assert {"TemplateOut", "JobOut", "ProblemOut"} <= set(spec["components"]["schemas"])


def test_every_field_and_parameter_is_explained(client: Client) -> None:
    spec = client.get("/openapi.json").json
    assert spec is not None
    fields = [
        (name, field, it)
        for name, schema in spec["components"]["schemas"].items()
        for field, it in schema.get("properties", {}).items()
    ]
    parameters = [
        (path, it["name"], it)
        for path, operations in spec["paths"].items()
        for operation in operations.values()
        if isinstance(operation, dict)
        for it in operation.get("parameters", [])
        if it["in"] != "path"  # the path itself says what these are
    ]
    assert [(where, what) for where, what, it in fields + parameters if not it.get("description")] == []


def test_documented_fields_are_those_that_come(client: Client) -> None:
    spec = client.get("/openapi.json").json
    assert spec is not None
    schemas = spec["components"]["schemas"]
    job = client.order(prefer="wait=30").json
    assert job is not None
    assert set(job) == set(schemas["JobOut"]["properties"])
    assert set(job["result"]) == set(schemas["ResultOut"]["properties"])
    assert set(job["faces"][0]) == set(schemas["FaceOut"]["properties"])
    failed = client.order(prefer="wait=30", face="9").json
    assert failed is not None
    assert set(failed["error"]) == set(schemas["JobErrorOut"]["properties"])


def shape(value: object) -> object:
    """What kinds of values stand where."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items()}
    return [shape(value[0])] if isinstance(value, list) and value else type(value)


@pytest.mark.real_engine
def test_the_documents_examples_are_what_a_server_answers(
    make_app: Callable[..., APIFlask], driving: Path, tmp_path: Path
) -> None:
    app = make_app(templates=MOTIONS, more_templates=tmp_path / "more")
    until(lambda: services_of(app).jobs.ready, bool)
    client = app.test_client()
    assert isinstance(client, Client)
    assert client.get("/v1/templates/nod").json == examples.TEMPLATE
    assert examples.TEMPLATES["templates"][0] in client.get("/v1/templates").json["templates"]  # type: ignore[index]
    assert examples.PORTRAITS["portraits"][0] in client.get("/v1/portraits").json["portraits"]  # type: ignore[index]
    taken = client.order(**examples.ORDER)
    assert taken.json is not None and shape(taken.json) == shape(examples.TAKEN)
    made = client.ended(taken, 300)
    assert shape(made) == shape(examples.MADE)
    for name in ("status", "progress", "frames_done", "frames_total", "metadata", "error"):
        assert made[name] == examples.MADE[name]
    for name in ("width", "height", "frames", "fps"):
        assert made["result"][name] == examples.MADE["result"][name]
    spec = client.get("/openapi.json").json
    assert spec is not None
    said = spec["paths"]["/v1/animations"]["post"]
    shown = said["requestBody"]["content"]["multipart/form-data"]["examples"]
    assert [shown[name]["value"] for name in ("animate", "swap")] == [examples.ORDER, examples.SWAP]
    assert set(examples.SWAP) <= set(spec["components"]["schemas"]["AnimationIn"]["properties"])
    assert [
        said["responses"][status]["content"]["application/json"]["example"] for status in ("202", "200")
    ] == [
        examples.TAKEN,
        examples.MADE,
    ]
    form = examples.ADDITION | {"driving": (driving.open("rb"), "clip.mp4")}
    adding = client.post("/v1/templates", data=form, content_type="multipart/form-data")
    assert adding.json is not None and shape(adding.json) == shape(examples.ADDING)
    added = client.ended(adding)
    assert shape(added) == shape(examples.ADDED)
    for name in ("status", "progress", "frames_done", "frames_total", "template", "error"):
        assert added[name] == examples.ADDED[name]
    assert spec["paths"]["/v1/templates"]["post"]["responses"]["200"]["content"]["application/json"][
        "example"
    ] == (examples.ADDED)


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [("server.app", ("torch", "cv2", "scipy", "onnxruntime")), ("server.__main__", ("torch", "onnxruntime"))],
)
def test_an_import_loads_and_starts_nothing_it_should_not(module: str, unwanted: tuple[str, ...]) -> None:
    """onnxruntime is the engine's; the process that answers does without."""
    code = (
        f"import {module}, json, sys, threading;"
        "print(json.dumps([sorted(sys.modules), threading.active_count()]))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    loaded, threads = json.loads(done.stdout)
    assert not set(unwanted) & set(loaded)
    assert threads == 1
