"""The units for systemd are well formed, name what there is and leave running jobs their time."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from server.settings import Settings, read

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "docs" / "samples"
PROGRAM = "/opt/reenact/bin/reenact-server"
UNITS = ["reenact.service", "reenact-worker.service"]


def service(unit: str) -> dict[str, list[str]]:
    """The section [Service]: by key, the values that it is given."""
    text = (SAMPLES / unit).read_text(encoding="utf-8")
    values: dict[str, list[str]] = {}
    for line in text.partition("[Service]")[2].partition("[Install]")[0].splitlines():
        if line and not line.startswith("#"):
            key, _, value = line.partition("=")
            values.setdefault(key, []).append(value)
    return values


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_finds_nothing(unit: str, tmp_path: Path, need: Callable[[str, object], None]) -> None:
    need("systemd-analyze", shutil.which("systemd-analyze"))
    text = (SAMPLES / unit).read_text(encoding="utf-8")
    here = tmp_path / unit
    here.write_text(
        text.replace("/opt/reenact/bin/reenact-server", sys.executable)
    )  # it looks for the program
    done = subprocess.run(["systemd-analyze", "verify", here], capture_output=True, text=True, timeout=60)
    said = [line for line in done.stderr.splitlines() if unit in line]
    assert done.returncode == 0 and not said, done.stderr


@pytest.mark.parametrize("unit", UNITS)
def test_settings_can_be_read_and_jobs_get_their_time(unit: str) -> None:
    said = service(unit)
    settings = read(dict(each.split("=", 1) for each in said["Environment"]))
    assert settings.data == Path("/var/lib") / said["StateDirectory"][0]
    assert settings.more_templates.is_relative_to(settings.data)
    assert settings.more_portraits.is_relative_to(settings.data)
    assert settings.proxies == (1 if unit == "reenact.service" else 0)
    assert int(said["TimeoutStopSec"][0]) >= Settings().stop_seconds + 10
    # SIGTERM to the one that knows how to end the others; SIGKILL to all that are left when the time is over.
    assert said["KillMode"] == ["mixed"]


@pytest.mark.parametrize(("unit", "verb"), [(UNITS[0], "serve"), (UNITS[1], "worker")])
def test_the_command_exists(unit: str, verb: str) -> None:
    assert service(unit)["ExecStart"] == [f"{PROGRAM} {verb}"]
    command = [sys.executable, "-m", "server", verb, "--help"]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60).returncode == 0
