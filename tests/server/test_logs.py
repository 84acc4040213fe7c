"""The log says what happened, in a shape that machines read, and nothing about anybody."""

from __future__ import annotations

import json
import logging
import logging.config
import signal
import socket
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from server.access.keys import Keys
from server.database.database import Database
from server.observability import logs

from .conftest import TEMPLATE, until
from .test_process import Server

PRIVATE = {
    "address": "203.0.113.77",
    "name": "anna-s-mother",
    "file": "anna-at-the-beach.jpg",
    "metadata": "customer-4711",
    "agent": "annas-telephone",
    "query": "signed-secret",
    "idempotency": "annas-first-order",
    "webhook": "annas-hook",
}


@pytest.fixture
def start(templates: Path, tmp_path: Path) -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(**environment: str) -> Server:
        own = {"REENACT_PORT": "0", "REENACT_STOP_SECONDS": "0.5", "REENACT_DATA": str(tmp_path / "var")}
        log = tmp_path / f"log{len(servers)}"
        servers.append(Server({**own, "REENACT_TEMPLATES": str(templates), **environment}, log))
        until(lambda: servers[-1].ask("/readyz")[0], lambda status: status == 200)
        return servers[-1]

    yield start
    for server in servers:
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait(10)


def post(server: Server, key: str, selfie: bytes, **form: str) -> dict[str, Any]:
    """Order by upload, with everything that a client may tell about itself."""
    boundary = uuid.uuid4().hex
    part = f"--{boundary}\r\nContent-Disposition: form-data; name="
    fields = "".join(f'{part}"{name}"\r\n\r\n{value}\r\n' for name, value in form.items())
    file = f'{part}"selfie"; filename="{PRIVATE["file"]}"\r\nContent-Type: image/jpeg\r\n\r\n'
    headers = {
        "Content-Type": f"multipart/form-data; boundary={boundary}",
        "Authorization": f"Bearer {key}",
        "Prefer": "wait=30",
        "X-Forwarded-For": PRIVATE["address"],
        "User-Agent": PRIVATE["agent"],
        "Idempotency-Key": PRIVATE["idempotency"],
        "X-Request-Id": "the-order",
    }
    body = fields.encode() + file.encode() + selfie + f"\r\n--{boundary}--\r\n".encode()
    asked = urllib.request.Request(f"{server.address}/v1/animations", body, headers)
    with urllib.request.urlopen(asked, timeout=60) as answer:
        job: dict[str, Any] = json.loads(answer.read())
        return job


def send_rubbish(server: Server) -> bytes:
    """What is no HTTP, with a name in it; the beginning of the answer."""
    port = int(server.address.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), 10) as line:
        line.sendall(f"GET /{PRIVATE['query']} FTP/1\r\n\r\n".encode())
        return line.recv(100)


@pytest.fixture
def key(tmp_path: Path) -> str:
    """A key in the database that the server will find."""
    (tmp_path / "var").mkdir()
    database = Database(None, tmp_path / "var")
    database.prepare()
    _, text = Keys(database).add(PRIVATE["name"])
    database.close()
    return text


def test_json_lines_of_a_whole_life(start: Callable[..., Server], portrait: Path, key: str) -> None:
    server = start(REENACT_LOG="json", REENACT_PROXIES="1", REENACT_WEBHOOK_HOSTS="127.0.0.1")
    hook = f"http://127.0.0.1:9/{PRIVATE['webhook']}"  # nobody listens there
    form = {"template": TEMPLATE, "consent": "true", "metadata": PRIVATE["metadata"], "webhook": hook}
    job = post(server, key, portrait.read_bytes(), **form)
    assert job["status"] == "succeeded"
    assert server.ask(job["result"]["url"] + f"?t={PRIVATE['query']}")[0] == 200
    assert server.ask(f"/v1/animations/{job['id']}")[0] == 401
    assert server.ask(f"/{PRIVATE['query']}")[0] == 404
    assert b" 400 " in send_rubbish(server)
    until(server.log.read_text, lambda text: "Webhook of job" in text)
    assert server.stop(signal.SIGTERM) == 0

    text = server.log.read_text()
    token = job["result"]["url"].rpartition("/")[2]
    for secret in (*PRIVATE.values(), key, token.partition(".")[0], "127.0.0.1 "):
        assert secret not in text, secret
    lines = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        assert {"time", "level", "logger", "message"} <= line.keys()
        assert set(line) <= {"time", "level", "logger", "message", "exception", *logs.FIELDS}
        assert datetime.fromisoformat(line["time"]).tzinfo is not None
    (order,) = (line for line in lines if line.get("request_id") == "the-order")
    assert (order["job"], order["method"], order["route"]) == (job["id"], "POST", "/v1/animations")
    assert order["status"] == 200 and order["seconds"] > 0
    told = {(line.get("route"), line.get("status")) for line in lines}
    assert {("/v1/results/<signed>", 200), ("/v1/animations/<id>", 401), ("other", 404)} <= told
    assert ("/readyz", 200) not in told
    (made,) = (line for line in lines if "frames in" in line["message"])
    assert made["job"] == job["id"]


def test_text_for_eyes_does_not_list_requests(start: Callable[..., Server]) -> None:
    server = start()
    assert server.ask("/v1/templates")[0] == 200
    assert server.stop() == 0
    assert server.address in (text := server.log.read_text()) and "/v1/templates" not in text


@pytest.fixture
def own_logging() -> Iterator[None]:
    """Let a test set up the log of this process, and undo it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


@pytest.mark.usefixtures("own_logging")
def test_an_error_is_one_line_with_its_traceback(capfd: pytest.CaptureFixture[str]) -> None:
    logging.config.dictConfig(logs.config("json"))
    try:
        raise ValueError("two\nlines")
    except ValueError:
        logging.getLogger("server.somewhere").exception("It failed")
    (text,) = capfd.readouterr().err.splitlines()
    line = json.loads(text)
    assert (line["level"], line["message"]) == ("error", "It failed")
    assert "two\nlines" in line["exception"] and "Traceback" in line["exception"]
