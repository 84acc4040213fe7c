"""What is told before anything is installed, by Pythons in which nothing is."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from server.settings import Settings

ROOT = Path(__file__).parents[1]
CHECK = ROOT / "requirements" / "check.py"


def check(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run it without our packages: isolated, and with the site packages left out for what it imports."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("REENACT_", "PIP_"))}
    return subprocess.run(
        [sys.executable, "-S", "-I", str(CHECK), *arguments],
        env=own | {"PIP_CONFIG_FILE": os.devnull} | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def closed() -> str:
    """A port on which nobody listens."""
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        return str(line.getsockname()[1])


@pytest.fixture
def listener() -> socket.socket:
    with socket.create_server(("127.0.0.1", 0)) as line:
        yield line  # type: ignore[misc]


def test_a_taken_port_is_told_before_the_set_up(listener: socket.socket) -> None:
    port = str(listener.getsockname()[1])
    done = check("--serve", REENACT_PORT=port, PIP_NO_INDEX="1")
    assert done.returncode != 0
    assert port in done.stderr and "PORT=" in done.stderr and done.stderr.count("\n") == 1


def test_a_free_port_is_not_spoken_of(closed: str) -> None:
    done = check("--serve", REENACT_PORT=closed, PIP_NO_INDEX="1")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", ["REENACT_PORT", "REENACT_DEVICE", "REENACT_NONSENSE"])
def test_a_wrong_setting_is_told_too(name: str) -> None:
    done = check("--serve", **{name: "abacus"})
    assert done.returncode != 0
    assert name in done.stderr and "Traceback" not in done.stderr


def test_no_network_is_told_in_a_sentence_and_pip_may_try_all_the_same(closed: str) -> None:
    done = check(PIP_INDEX_URL=f"http://somebody:secret@127.0.0.1:{closed}/simple")
    assert done.returncode == 0
    assert "network" in done.stderr and closed in done.stderr and "secret" not in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_index_that_answers_anything_is_a_network(listener: socket.socket) -> None:
    from threading import Thread

    def answer() -> None:
        line, _ = listener.accept()
        with line:
            line.recv(65536)
            line.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    thread = Thread(target=answer)
    thread.start()
    done = check(PIP_INDEX_URL=f"http://127.0.0.1:{listener.getsockname()[1]}/simple")
    thread.join()
    assert (done.returncode, done.stderr) == (0, "")


def test_make_asks_for_the_same_settings_as_the_service() -> None:
    """The Makefile gives HOST and PORT by these names."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "export REENACT_HOST = $(HOST)" in text and "export REENACT_PORT = $(PORT)" in text
    assert f"HOST = {Settings().host}" in text and f"PORT = {Settings().port}" in text


@pytest.mark.parametrize("words", [[], ["doctor"], ["keys", "list"]])
def test_the_service_names_the_extra_that_it_lacks(words: list[str]) -> None:
    code = f"import sys; sys.path[:0] = [{str(ROOT)!r}]; from server.__main__ import main; main()"
    done = subprocess.run(
        [sys.executable, "-S", "-I", "-c", code, *words], capture_output=True, text=True, timeout=60
    )
    assert done.returncode != 0
    assert "'reenact[cpu,server]'" in done.stderr and done.stderr.count("\n") == 1
