"""The samples for nginx and Caddy, in front of the service: who asks, how much passes, and how soon."""

from __future__ import annotations

import http.client
import json
import shutil
import ssl
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from server.access.keys import Keys
from server.database.database import open_database
from server.settings import Settings
from tests.broker.machines import Server, free_port, listens, running, wait_for

SAMPLES = Path(__file__).parents[2] / "docs" / "samples"
HOST = "reenact.example.org"


@dataclass
class Proxy:
    """A proxy that listens, and what it stands before."""

    port: int
    tls: bool
    server: Server
    data: Path

    def open(self, source: int = 1) -> http.client.HTTPConnection:
        """A connection from one of the addresses of this machine, which no other proxy is asked from."""
        own = f"127.0.{1 + self.tls}.{source}", 0
        if not self.tls:
            return http.client.HTTPConnection("127.0.0.1", self.port, 60, own)
        trusting = ssl._create_unverified_context()
        return http.client.HTTPSConnection(
            "127.0.0.1", self.port, timeout=60, source_address=own, context=trusting
        )

    def ask(
        self, method: str, path: str, body: bytes = b"", source: int = 1, **headers: str
    ) -> tuple[int, bytes]:
        """The status of an answer and its body."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        with closing(self.open(source)) as line:
            with suppress(BrokenPipeError, ConnectionResetError):  # who refuses a body need not read it
                line.request(method, path, body, {"Host": HOST, **named})
            answer = line.getresponse()
            return answer.status, answer.read()

    def order(
        self, key: str, source: int = 1, size: int = 0, template: str = "nod", **headers: str
    ) -> tuple[int, bytes]:
        """Send an order, with a selfie of so many bytes where that is not 0."""
        boundary = uuid.uuid4().hex
        fields = {"template": template, "consent": "true"} | ({} if size else {"portrait": "eileen-collins"})
        parts = [f'name="{name}"\r\n\r\n{value}'.encode() for name, value in fields.items()]
        if size:
            parts.append(b'name="selfie"; filename="me.jpg"\r\n\r\n' + b"\xff\xd8\xff" + bytes(size))
        head = f"--{boundary}\r\nContent-Disposition: form-data; ".encode()
        body = b"".join(head + part + b"\r\n" for part in parts) + f"--{boundary}--\r\n".encode()
        sent = {"Content_Type": f"multipart/form-data; boundary={boundary}", "Authorization": f"Bearer {key}"}
        return self.ask("POST", "/v1/animations", body, source, **sent, **headers)

    def key(self) -> str:
        """A new access key."""
        with closing(open_database(None, self.data)) as database:
            return Keys(database).add("phone")[1]


def certificate(folder: Path) -> None:
    """A certificate and its key, as the sample wants them."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)]), datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    signed = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    kind = serialization.PrivateFormat.PKCS8
    private = key.private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption())
    (folder / "fullchain.pem").write_bytes(signed)
    (folder / "privkey.pem").write_bytes(private)


def changed(text: str, **changes: str) -> str:
    """The text with each of these replaced; all must be there."""
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


def nginx(folder: Path, port: int, upstream: str) -> list[str]:
    """The sample with the names of this test, checked; the command that runs it."""
    certificate(folder)
    text = changed(
        (SAMPLES / "nginx.conf").read_text(encoding="utf-8"),
        **{
            "/etc/letsencrypt/live/reenact.example.org": str(folder),
            "/run/nginx.pid": str(folder / "pid"),
            "listen 443": f"listen 127.0.0.1:{port}",
            "listen 80;": f"listen 127.0.0.1:{free_port()};",
            "127.0.0.1:8000": upstream,
            "worker_processes auto;": "worker_processes 1; user root; daemon off; error_log stderr;",
            "server_tokens off;": f"access_log {folder}/access.log;"
            + "".join(
                f"{kind}_temp_path {folder}/{kind};"
                for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
            ),
        },
    )
    (folder / "nginx.conf").write_text(text)
    command = ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr"]
    done = subprocess.run([*command, "-t"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "[warn]" not in done.stderr, done.stderr
    return command


def caddy(folder: Path, port: int, upstream: str) -> list[str]:
    """The same of Caddy, without TLS: no authority gives this name a certificate."""
    text = (SAMPLES / "Caddyfile").read_text(encoding="utf-8")
    names = {f"{HOST} {{": f"http://{HOST}:{port} {{\n\tbind 127.0.0.1", "127.0.0.1:8000": upstream}
    (folder / "Caddyfile").write_text("{\n\tadmin off\n}\n" + changed(text, **names))
    told = ["--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]
    done = subprocess.run(["caddy", "validate", *told], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "not formatted" not in done.stderr, done.stderr
    return ["caddy", "run", *told]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The service as the units start it."""
    folder = tmp_path_factory.mktemp("service")
    server = Server(
        folder, REENACT_PROXIES="1", REENACT_ORDERS_PER_MINUTE="4", REENACT_UNFINISHED_PER_KEY="50"
    )
    try:
        server.ready()
        yield server
    finally:
        server.kill()


@pytest.fixture(scope="module", params=["nginx", "caddy"])
def proxy(
    request: pytest.FixtureRequest,
    server: Server,
    tmp_path_factory: pytest.TempPathFactory,
    need: Callable[[str, object], None],
) -> Iterator[Proxy]:
    folder, port = tmp_path_factory.mktemp(request.param), free_port()
    if request.param == "nginx":
        need("nginx", shutil.which("nginx"))
    elif not shutil.which("caddy"):
        pytest.skip("no caddy")
    make = {"nginx": nginx, "caddy": caddy}[request.param]
    command = make(folder, port, server.address.partition("://")[2])
    with running(command, folder / "log", HOME=str(folder)):
        wait_for(lambda: listens(port), what="the proxy")
        data = Path(server.environment["REENACT_DATA"])
        yield Proxy(port, request.param == "nginx", server, data)


def test_the_service_answers_by_the_name_of_the_proxy(proxy: Proxy) -> None:
    assert proxy.ask("GET", "/readyz")[0] == 200
    key = proxy.key()  # from now on all need one
    assert proxy.ask("GET", "/v1/templates", Authorization=f"Bearer {key}")[0] == 200
    assert proxy.ask("GET", "/metrics", Authorization=f"Bearer {key}")[0] == 404
    assert json.loads(proxy.order("rk_wrong")[1])["code"] == "unauthorized"


def test_the_service_knows_who_asks_whatever_they_claim(proxy: Proxy) -> None:
    """Orders of one address are counted together, whatever its keys and headers; another's are not."""

    def order(source: int, claimed: int) -> str:
        claim = f"198.51.100.{claimed}"
        _, body = proxy.order(proxy.key(), source, template="none", X_Forwarded_For=claim)
        return str(json.loads(body)["code"])

    assert [order(9, n) for n in range(5)] == ["template_not_found"] * 4 + ["rate_limited"]
    assert order(10, 4) == "template_not_found"


def test_what_the_service_takes_passes_and_what_not_is_told_by_it(proxy: Proxy) -> None:
    limit, key = Settings().upload_bytes, proxy.key()
    status, body = proxy.order(key, 11, limit - 2000)
    assert (status, json.loads(body)["code"]) == (422, "image_unreadable")
    status, body = proxy.order(key, 11, limit + 1000)
    assert (status, json.loads(body)["code"]) == (413, "upload_too_large")
    # Of the proxy, which does not pass it on. Caddy does at first, and the server may close before it has
    # counted: then it says 502.
    assert proxy.order(key, 11, 2 * limit)[0] in (413, 502)


def test_who_waits_for_a_job_gets_it(proxy: Proxy) -> None:
    status, body = proxy.order(proxy.key(), 12, Prefer="wait=30")
    job = json.loads(body)
    assert (status, job["status"]) == (200, "succeeded")
    status, film = proxy.ask("GET", job["result"]["url"])
    assert status == 200 and len(film) == job["result"]["bytes"]


def test_events_come_while_the_job_runs(proxy: Proxy) -> None:
    key = proxy.key()
    status, body = proxy.order(key, 13)
    assert status == 202
    id, access = json.loads(body)["id"], {"Authorization": f"Bearer {key}"}
    with closing(proxy.open()) as line:
        line.request("GET", f"/v1/animations/{id}/events", headers={"Host": HOST, **access})
        events = told(line.getresponse())
        assert next(events)["status"] in ("queued", "running")
        # Collected by the proxy, the first would be read when the job has ended.
        assert proxy.server.job(id, **access)["status"] in ("queued", "running")
        assert list(events)[-1]["status"] == "succeeded"


def told(answer: http.client.HTTPResponse) -> Iterator[dict[str, Any]]:
    """The jobs of a stream as they are read."""
    while row := answer.readline():
        if row.startswith(b"data: "):
            yield json.loads(row[6:])
