"""The doctor says what would keep the service from running, and what to do about it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Barrier, Event

import pytest

from reenact.config import DEFAULT_MODEL, MOTIONS
from reenact.doctor import Finding
from reenact.gallery import list_portraits, template_ids
from reenact.motion.motion_file import load_motion, save_motion
from reenact.runtime import ModelFolder
from server.commands import doctor, doctor_fleet
from server.database.database import Database, open_database
from server.database.migrations import known
from server.jobs import Job, JobRepository, Order
from server.settings import Settings
from tests.signals import heeded

from .conftest import TEMPLATE, until
from .test_process import ROOT, Server, start  # noqa: F401  # a fixture
from .test_screening import Check, check, installed  # noqa: F401  # fixtures


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


def found(environment: dict[str, str], state: str) -> dict[str, str]:
    return {each.name: each.detail for each in doctor.examine(environment) if each.state == state}


def broken(environment: dict[str, str]) -> dict[str, str]:
    return found(environment, "broken")


def test_a_sound_set_up_is_left_as_it_was(tmp_path: Path) -> None:
    status, said = run(REENACT_DATA=str(tmp_path / "var"), REENACT_PORT="0")
    assert status == 0, said
    ids = template_ids()
    assert "Everything that is needed works." in said
    assert "REENACT_DATA" in said and f"{len(ids)} of {len(ids)} fit the model" in said
    assert list(tmp_path.iterdir()) == []


def test_everything_broken_at_once(tmp_path: Path) -> None:
    """Nothing listens on port 1, and on the service's own ports somebody who says nothing."""
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as other:
        status, said = run(
            REENACT_MODERATOR="http://127.0.0.1:1/check",
            REENACT_MORE_TEMPLATES=str(tmp_path / "file"),
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
    told = dict(re.findall(r"^BROKEN (\w+) +(.*)$", said, flags=re.MULTILINE))
    assert set(told) == {
        "data",
        "more_templates",
        "moderator",
        "templates",
        "database",
        "broker",
        "storage",
        "port",
        "metrics_port",
        "c2pa_cert",
    }
    for name, detail in told.items():
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
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    assert "schema 9999" in broken(settings)["database"]


def test_jobs_that_wait_for_a_newer_version_and_a_database_of_an_older_one(tmp_path: Path) -> None:
    settings = {"REENACT_PORT": "0", "REENACT_DATA": str(tmp_path)}
    database = open_database(None, tmp_path)
    JobRepository(database).insert(Job("a", Order("a"), "queued", 0.0, 0), None)
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE jobs SET order_version = order_version + 1")
    findings = {each.name: each for each in doctor.examine(settings)}
    assert findings["jobs"].state == "note" and "newer version" in findings["jobs"].detail
    with database.write() as connection:
        for statement in ("DROP TABLE alembic_version", "UPDATE schema_version SET version = 1"):
            connection.exec_driver_sql(statement)
    database.close()
    findings = {each.name: each for each in doctor.examine(settings)}
    assert "schema 0001" in findings["database"].detail and "jobs" not in findings


def test_a_machine_that_keeps_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "ANSWER_SECONDS", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}"
        told = broken({"REENACT_DATA": str(tmp_path), "REENACT_PORT": "0", "REENACT_BROKER": url})
    assert "no answer within" in told["broker"] and "firewall" in told["broker"]


def test_all_are_asked_at_once_and_told_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first three checks wait for each other, and end in the reverse order."""
    met, names = Barrier(3), ("data", "database", "broker")
    told = {name: Event() for name in names} | {"last": Event()}
    told["last"].set()

    def waits(name: str, after: str) -> doctor.Check:
        def found(_: Settings) -> Iterator[Finding]:
            met.wait(30)
            assert told[after].wait(30)
            told[name].set()
            yield Finding(name, "ok", "")

        return found

    for name, after in zip(names, (*names[1:], "last"), strict=True):
        module, attribute = (doctor, "_data") if name == "data" else (doctor_fleet, name)
        monkeypatch.setattr(module, attribute, waits(name, after))
    monkeypatch.setattr(doctor, "ANSWER_SECONDS", 60.0)
    findings = doctor.examine({"REENACT_DATA": str(tmp_path), "REENACT_PORT": "0"})
    assert [each.name for each in findings if each.name in names] == list(names)
    assert [each.name for each in findings[:5]] == ["settings", *names, "storage"]
    assert {each.state for each in findings[:5]} == {"ok"}


def test_ctrl_c_ends_it_without_a_traceback(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}"
        with heeded(signal.SIGINT):
            process = subprocess.Popen(
                [sys.executable, "-m", "server", "doctor"],
                cwd=ROOT,
                env=os.environ | {"REENACT_DATA": str(tmp_path), "REENACT_BROKER": url},
                stderr=subprocess.PIPE,
            )
        silent.settimeout(60)
        line, _ = silent.accept()  # it asks, and would wait for an answer
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=10)
        line.close()
    assert (process.returncode, said) == (130, b"")


def test_templates_that_were_added_and_cannot_be_shown(templates: Path, tmp_path: Path) -> None:
    added = tmp_path / "added"
    settings = {
        "REENACT_DATA": str(tmp_path / "var"),
        "REENACT_PORT": "0",
        "REENACT_MORE_TEMPLATES": str(added),
    }
    assert "first template" in found(settings, "ok")["templates added"]
    elsewhere = settings | {"REENACT_BROKER": "redis://127.0.0.1:1"}
    assert "is it mounted?" in found(elsewhere, "note")["templates added"]

    shutil.copytree(templates / TEMPLATE, added / "good")
    shutil.copytree(templates / TEMPLATE, added / "damaged")
    (added / "damaged" / "motion.npz").write_bytes(b"PK")
    shutil.copytree(templates / TEMPLATE, added / "outdated")
    motion = load_motion(templates / TEMPLATE / "motion.npz", ModelFolder(DEFAULT_MODEL).hash("keypoints"))
    save_motion(replace(motion, model="another"), added / "outdated" / "motion.npz")
    shutil.copytree(MOTIONS / "nod", added / "nod")
    (added / "My nod").mkdir()
    (added / ".nod-0123abcd").mkdir()  # one that is being written

    told, noted = broken(settings), found(settings, "note")
    assert set(told) == {"template damaged", "template outdated"}
    assert "no readable motion.npz" in told["template damaged"]
    assert "another model" in told["template outdated"]
    assert all(f"DELETE /v1/templates/{name.split()[1]}" in detail for name, detail in told.items())
    assert "ships has the same id" in noted["template nod"] and "not a template" in noted["template My nod"]
    assert "1 of 5" in found(settings, "ok")["templates added"]


def test_the_moderator_is_asked_about_a_picture_of_ours(
    check: Check,  # noqa: F811
    tmp_path: Path,
) -> None:
    settings = {
        "REENACT_DATA": str(tmp_path / "var"),
        "REENACT_PORT": "0",
        "REENACT_MODERATOR": check.url,
        "REENACT_MODERATOR_SECONDS": "0.5",
    }
    assert "allows" in found(settings, "ok")["moderator"]
    [(_, body)] = check.asked
    assert b'"job": "doctor"' in body and list_portraits()[0].path.read_bytes() in body

    check.answer = b'{"allow": false, "reason": "No faces."}'
    assert "No faces." in found(settings, "note")["moderator"]
    for status, answer, seconds, words in (
        (500, b"", 0.0, "it answered 500"),
        (200, b"yes", 0.0, "jobs fail"),
        (200, b'{"allow": 1}', 0.0, "no boolean `allow`"),
        (200, b'{"allow": true}', 1.0, "ReadTimeoutError"),
    ):
        check.status, check.answer, check.seconds = status, answer, seconds
        assert words in broken(settings)["moderator"]
    unchecked = settings | {"REENACT_MODERATOR_FAILURE": "allow"}
    assert "jobs are rendered unchecked" in broken(unchecked)["moderator"]


@pytest.mark.parametrize(
    ("code", "words"), [("check = nothing\n", "cannot be loaded"), ("def check():\n    pass\n", "argument")]
)
def test_a_moderator_in_python_that_does_not_work(
    installed: Callable[[str], None],  # noqa: F811
    tmp_path: Path,
    code: str,
    words: str,
) -> None:
    installed(code)
    told = broken({"REENACT_DATA": str(tmp_path / "var"), "REENACT_PORT": "0"})
    [detail] = [detail for name, detail in told.items() if name.startswith("moderator")]
    assert words in detail


def test_a_service_that_runs(start: Callable[[], Server], tmp_path: Path) -> None:  # noqa: F811
    server = start()
    until(lambda: server.ask("/healthz")[0], lambda status: status == 200)
    port = server.address.rpartition(":")[2]
    findings = {
        each.name: each
        for each in doctor.examine({"REENACT_DATA": str(tmp_path / "var"), "REENACT_PORT": port})
    }
    assert "Reenact already runs" in findings["port"].detail
    assert findings["database"].detail.endswith(f"schema {known()[0]}")
    assert [name for name, each in findings.items() if each.state == "broken"] == []
