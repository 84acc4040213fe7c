"""The doctor reaches real servers."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from .machines import Process

pytestmark = pytest.mark.broker


def said(folder: Path, **environment: str) -> str:
    """What ``reenact-server doctor`` says with these variables."""
    own = {"REENACT_DATA": str(folder / "var"), "REENACT_PORT": "0"}
    process = Process([sys.executable, "-m", "server", "doctor"], folder / "said", **own, **environment)
    status = process.process.wait(240)
    text = (folder / "said").read_text()
    assert status == 0, text
    return text


def test_everything_that_many_machines_share(
    redis: tuple[str, Process], postgres: str, bucket: dict[str, str], tmp_path: Path
) -> None:
    text = said(tmp_path, REENACT_BROKER=redis[0], REENACT_DATABASE=postgres, **bucket)
    for words in ("redis answers", "127.0.0.1", "empty yet", "/service can be written"):
        assert words in text
    assert not (tmp_path / "var").exists()


def test_rabbitmq(rabbitmq: str, tmp_path: Path) -> None:
    assert "amqp answers" in said(tmp_path, REENACT_BROKER=rabbitmq)
