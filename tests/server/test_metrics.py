"""What Prometheus reads is what happened, from whichever process it asks."""

from __future__ import annotations

import re
import socket
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from apiflask import APIFlask
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from reenact.errors import SetupError
from server.app import create_app
from server.container import services_of
from server.http.request_log import METHODS, OTHER
from server.settings import Settings

from .conftest import FRAMES, LONG, Client, until
from .fake_engine import PROVIDER, fake_engine

GUIDE = (Path(__file__).parents[2] / "docs" / "operating.md").read_text(encoding="utf-8")
MakeApp = Callable[..., APIFlask]


def client_of(app: APIFlask) -> Client:
    client = app.test_client()
    assert isinstance(client, Client)
    until(lambda: services_of(app).jobs.ready, bool)
    return client


def read(client: Client) -> dict[str, Metric]:
    answer = client.get("/metrics")
    assert answer.status_code == 200 and answer.mimetype == "text/plain"
    return {family.name: family for family in text_string_to_metric_families(answer.text)}


def value(families: dict[str, Metric], sample: str, **labels: str) -> float:
    found = [
        each.value
        for family in families.values()
        for each in family.samples
        if each.name == sample and each.labels == labels
    ]
    assert len(found) == 1, (sample, labels)
    return float(found[0])


def test_a_job_leaves_its_numbers(make_app: MakeApp) -> None:
    client = client_of(make_app())
    job = client.order("wait=30").json
    assert job is not None and job["status"] == "succeeded"
    seen = read(client)
    assert value(seen, "reenact_jobs", state="succeeded") == 1
    assert value(seen, "reenact_jobs", state="queued") == 0
    assert value(seen, "reenact_attempts_total", outcome="succeeded") == 1
    assert value(seen, "reenact_frames_total") == FRAMES
    assert value(seen, "reenact_queue_wait_seconds_count") == 1
    stages = {each.labels["stage"] for each in seen["reenact_stage_seconds"].samples}
    assert stages >= {"find", "track", "render"}
    assert value(seen, "reenact_stage_seconds_sum", stage="render") > 0
    assert value(seen, "reenact_frames_per_second_sum") > 0
    assert value(seen, "reenact_engine_info", provider=PROVIDER) == 1
    assert value(seen, "reenact_ready") == 1
    order = {"route": "/v1/animations", "method": "POST"}
    assert value(seen, "reenact_http_requests_total", status="200", **order) == 1
    assert value(seen, "reenact_http_request_seconds_sum", **order) > 0
    assert value(seen, "process_resident_memory_bytes") > 1e6


def test_attempts_that_end_otherwise(make_app: MakeApp) -> None:
    client = client_of(make_app())
    assert client.ended(client.order(face="5"))["status"] == "failed"
    long = client.order(template=LONG)
    until(lambda: client.job(long)["frames_done"], bool)
    client.delete(f"/v1/animations/{long.json['id']}")  # type: ignore[index]
    seen = until(lambda: read(client), lambda seen: len(seen["reenact_attempts"].samples) == 2)
    assert value(seen, "reenact_attempts_total", outcome="face_index_out_of_range") == 1
    assert value(seen, "reenact_attempts_total", outcome="cancelled") == 1
    assert value(seen, "reenact_jobs", state="cancelled") == 1


def test_a_queue_is_seen(make_app: MakeApp) -> None:
    client = client_of(make_app())
    many = [client.order(template=LONG) for _ in range(2)]
    until(lambda: client.job(many[0])["frames_done"], bool)
    seen = read(client)
    assert value(seen, "reenact_jobs", state="running") == value(seen, "reenact_jobs", state="queued") == 1
    assert value(seen, "reenact_queue_oldest_seconds") > 0
    assert value(seen, "reenact_frames_total") > 0  # while the job still runs
    for each in many:
        client.delete(f"/v1/animations/{each.json['id']}")  # type: ignore[index]
    assert value(read(client), "reenact_queue_oldest_seconds") == 0


def test_no_label_takes_what_a_client_made_up(make_app: MakeApp) -> None:
    app = make_app()
    client = client_of(app)

    def strange(word: str) -> None:
        for path in (f"/{word}", f"/v1/animations/{word}", f"/v1/results/{word}", f"/static/{word}"):
            client.open(path, method="GET")
            client.open(path, method=word.upper())

    strange("first")
    read(client)
    before = {name: len(family.samples) for name, family in read(client).items()}
    for number in range(20):
        strange(f"made-up-{number}")
    seen = read(client)
    assert {name: len(family.samples) for name, family in seen.items()} == before
    rules = {rule.rule for rule in app.url_map.iter_rules()}
    for each in seen["reenact_http_requests"].samples:
        assert each.labels["route"] in rules | {OTHER}
        assert each.labels["method"] in METHODS | {OTHER}


def test_beyond_ones_own_machine_it_asks_for_a_key(make_app: MakeApp) -> None:
    app = make_app(host="0.0.0.0")
    client = client_of(app)
    assert client.get("/metrics").json["code"] == "unauthorized"  # type: ignore[index]
    _, text = services_of(app).keys.add("prometheus")
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {text}"})
    assert answer.status_code == 200 and "reenact_jobs" in answer.text


def test_a_port_of_its_own(make_app: MakeApp, settings: Settings, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
        taken = create_app(replace(settings, data=tmp_path / "taken", metrics_port=port), fake_engine)
        with pytest.raises(SetupError, match="REENACT_METRICS_PORT"):
            services_of(taken).start()
    app = make_app(metrics_port=port)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        assert b"reenact_jobs" in answer.read()
    assert client_of(app).get("/metrics").status_code == 404
    services_of(app).close()
    with pytest.raises(OSError):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10)


def test_a_database_that_is_away_hides_only_what_it_knows(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app(database=f"sqlite:///{tmp_path}/away.db")
    client = client_of(app)
    with services_of(app).database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE jobs RENAME TO hidden")
    assert "reenact_frames" in (seen := read(client)) and "reenact_jobs" not in seen
    with services_of(app).database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE hidden RENAME TO jobs")
    assert "reenact_jobs" in read(client)


def test_the_guide_tells_of_every_metric(make_app: MakeApp) -> None:
    client = client_of(make_app())
    client.order("wait=30")
    table = []
    for name, family in read(client).items():
        labels = {label for each in family.samples for label in each.labels} - {"le"}
        shown = ", ".join(f"`{label}`" for label in sorted(labels))
        full = name + {"counter": "_total"}.get(family.type, "")
        if name.startswith("reenact_"):
            table.append(f"| `{full}` | {family.type} | {shown} | {family.documentation} |")
    assert re.findall(r"^\| `reenact_.*$", GUIDE, flags=re.MULTILINE) == table
