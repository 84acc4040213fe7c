"""The checks of the container files say yes to a service that is ready, and no to one that is gone."""

from __future__ import annotations

import re
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from . import machines
from .machines import ROOT, Process, Server, Worker

pytestmark = pytest.mark.broker


def healthy(command: list[str], port: str) -> bool:
    """Run a check, which asks a fixed port, against another."""
    program, *rest = (re.sub(r"127\.0\.0\.1:\d+", f"127.0.0.1:{port}", word) for word in command)
    assert program == "python"
    return subprocess.run([sys.executable, *rest], capture_output=True, timeout=60).returncode == 0


def test_a_server_and_a_worker(gallery: Path, redis: tuple[str, Process], tmp_path: Path) -> None:
    of_server = re.findall(
        r"^ +CMD (\[\"python\".*)$", (ROOT / "deploy/Dockerfile").read_text(), re.MULTILINE
    )[0]
    services = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())["services"]
    _, *of_worker = services["worker"]["healthcheck"]["test"]
    with ExitStack() as stack:
        server = Server(tmp_path, REENACT_TEMPLATES=str(gallery), REENACT_BROKER=redis[0])
        stack.callback(server.kill)
        port, metrics = server.address.rpartition(":")[2], str(machines.free_port())
        worker = Worker(server, tmp_path / "worker.log", REENACT_METRICS_PORT=metrics)
        stack.callback(worker.kill)
        server.ready()
        worker.ready()
        assert healthy(yaml.safe_load(of_server), port) and healthy(of_worker, metrics)
        assert server.stop() == worker.stop() == 0
    assert not healthy(yaml.safe_load(of_server), port) and not healthy(of_worker, metrics)
