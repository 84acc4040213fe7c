"""The doctor says what would keep the service from running, and what to do about it."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from server import doctor
from server.database import Database

from .conftest import until
from .test_process import ROOT, Server, start  # noqa: F401  # a fixture


def run(**environment: str) -> tuple[int, str]:
    """Exit status and words of ``reenact-server doctor`` with these variables."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("REENACT_")}
    done = subprocess.run(
        [sys.executable, "-m", "server", "doctor"],
        cwd=ROOT,
        env=clean | environment,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


def broken(environment: dict[str, str]) -> dict[str, str]:
    return {each.name: each.detail for each in doctor.examine(environment) if each.state == "broken"}


def test_a_sound_set_up_is_left_as_it_was(tmp_path: Path) -> None:
    status, said = run(REENACT_DATA=str(tmp_path / "var"), REENACT_PORT="0")
    assert status == 0, said
    assert "Everything that is needed works." in said
    assert "REENACT_DATA" in said and "10 of 10 fit the model" in said
    assert list(tmp_path.iterdir()) == []


def test_everything_broken_at_once(tmp_path: Path) -> None:
    """Nothing listens on port 1, and on the service's own ports somebody who says nothing."""
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as other:
        status, said = run(
            REENACT_DATA=str(tmp_path / "file"),
            REENACT_TEMPLATES=str(tmp_path / "empty"),
            REENACT_DATABASE="postgresql://user:secret@127.0.0.1:1/name",
            REENACT_BROKER="redis://127.0.0.1:1",
            REENACT_STORAGE="s3://bucket/folder",
            REENACT_PORT=str(other.getsockname()[1]),
            REENACT_METRICS_PORT=str(other.getsockname()[1]),
            REENACT_C2PA_CERT=str(tmp_path / "file"),
            REENACT_C2PA_KEY=str(tmp_path / "file"),
            AWS_ENDPOINT_URL="http://127.0.0.1:1",
            AWS_ACCESS_KEY_ID="test",
            AWS_SECRET_ACCESS_KEY="test",
        )
    assert status == 1
    found = dict(re.findall(r"^BROKEN (\w+) +(.*)$", said, flags=re.MULTILINE))
    assert set(found) == {
        "data",
        "templates",
        "database",
        "broker",
        "storage",
        "port",
        "metrics_port",
        "c2pa_cert",
    }
    for name, detail in found.items():
        assert name == "templates" or f"REENACT_{name.upper()}" in detail, detail
    assert "secret" not in said


def test_settings_that_cannot_be_used() -> None:
    (only,) = doctor.examine({"REENACT_PORT": "http"})
    assert (only.state, only.name) == ("broken", "settings") and "whole number" in only.detail


def test_strangers_without_a_key_and_a_database_of_another_version(tmp_path: Path) -> None:
    settings = {"REENACT_HOST": "0.0.0.0", "REENACT_PORT": "0", "REENACT_DATA": str(tmp_path)}
    assert "keys add" in broken(settings)["keys"]
    assert list(tmp_path.iterdir()) == []
    database = Database(None, tmp_path)
    database.prepare()
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE schema_version SET version = 99")
    database.close()
    assert "schema 99" in broken(settings)["database"]


def test_a_machine_that_keeps_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "ANSWER_SECONDS", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}"
        found = broken({"REENACT_DATA": str(tmp_path), "REENACT_PORT": "0", "REENACT_BROKER": url})
    assert "no answer within" in found["broker"] and "firewall" in found["broker"]


def test_a_service_that_runs(start: Callable[[], Server], tmp_path: Path) -> None:  # noqa: F811
    server = start()
    until(lambda: server.ask("/healthz")[0], lambda status: status == 200)
    port = server.address.rpartition(":")[2]
    findings = {
        each.name: each
        for each in doctor.examine({"REENACT_DATA": str(tmp_path / "var"), "REENACT_PORT": port})
    }
    assert "Reenact answers" in findings["port"].detail
    assert findings["database"].detail.endswith("schema 1")
    assert [name for name, each in findings.items() if each.state == "broken"] == []
