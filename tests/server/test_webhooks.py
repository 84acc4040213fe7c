"""Webhooks: who may be called, what is sent, and that none is forgotten."""

from __future__ import annotations

import hmac
import json
import socket
from collections.abc import Callable, Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from apiflask import APIFlask

from reenact.errors import InvalidOption
from server import outbound, webhooks
from server.outbound import check_host, is_public, parse, post
from server.services import services_of

from .conftest import Client, until

PRIVATE = [
    "127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254",
    "100.64.0.1",
    "192.0.0.8", "192.0.2.1", "198.18.0.1", "203.0.113.9", "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "fec0::1", "ff02::1", "2001:db8::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe", "64:ff9b::7f00:1", "64:ff9b::a00:1",
    "2002:7f00:1::", "2002:a00:1::", "2001:0:4136:e378:8000:63bf:80ff:fffe",
]  # fmt: skip
PUBLIC = ["93.184.216.34", "8.8.8.8", "2606:4700:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_inside_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_internet_is(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost/", "http://LOCALHOST/", "http://127.0.0.1/", "http://2130706433/", "http://0177.0.0.1/",
        "http://0x7f.1/", "http://0x7f000001/", "http://127.1/", "http://0/", "http://[::1]/", "http://[::]/",
        "http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/", "https://10.0.0.1:8443/x",
        "http://169.254.169.254/",
        "http://[fe80::1%25eth0]/", "http://[64:ff9b::10.0.0.1]/",
        "ftp://example.org/", "file:///etc/passwd", "gopher://example.org/", "example.org",
        "//example.org", "",
        "http://", "http://user:secret@example.org/", "http://example.org:99999/", "http://[::1",
        "http://a b/",
        "https://example.org/\r\nX: y", "https://exa\u200bmple.org/", "https://example.org/" + "x" * 2000,
    ],
)  # fmt: skip
def test_what_will_not_be_called_is_refused_at_once(url: str) -> None:
    with pytest.raises(InvalidOption, match="webhook"):
        check_host(parse(url), frozenset())


@pytest.mark.parametrize(
    "url", ["https://example.org/hook?x=1", "http://8.8.8.8:8080", "https://[2606:4700::1]/"]
)
def test_a_public_address_is_accepted(url: str) -> None:
    check_host(parse(url), frozenset())


class Receiver:
    """An HTTP server that keeps what it gets and answers as it is told."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.got.append((dict(self.headers), body))
                self.send_response(outer.answers.pop(0) if outer.answers else 204)
                self.send_header("Location", "http://localhost/elsewhere")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def url(self, host: str = "localhost") -> str:
        return f"http://{host}:{self.server.server_port}/hook?x=1"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


def test_a_name_that_points_inside_is_not_called(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo

    def lie(host: str, *args: Any, **kwargs: Any) -> Any:
        return real("127.0.0.1" if host == "example.org" else host, *args, **kwargs)

    monkeypatch.setattr(outbound.socket, "getaddrinfo", lie)
    with pytest.raises(PermissionError):
        post(receiver.url("example.org"), b"{}", {}, frozenset())
    assert receiver.got == []


def test_the_connection_goes_to_the_address_that_was_judged(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: a second look-up would find another address, so there may be none."""
    real, asked = socket.getaddrinfo, []

    def answer(host: str, *args: Any, **kwargs: Any) -> Any:
        if host == "rebind.example":
            asked.append(host)
            return real("127.0.0.1" if len(asked) == 1 else "192.0.2.1", *args, **kwargs)
        return real(host, *args, **kwargs)

    monkeypatch.setattr(outbound.socket, "getaddrinfo", answer)
    assert post(receiver.url("rebind.example"), b"{}", {}, frozenset({"rebind.example"})) == 204
    assert len(asked) == 1
    assert receiver.got[0][0]["Host"] == f"rebind.example:{receiver.server.server_port}"


def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    receiver.answers = [302]
    assert post(receiver.url(), b"{}", {}, frozenset({"localhost"})) == 302
    assert len(receiver.got) == 1


@pytest.fixture
def app(make_app: Callable[..., APIFlask], monkeypatch: pytest.MonkeyPatch) -> APIFlask:
    monkeypatch.setattr(webhooks, "LOOK", 0.05)
    monkeypatch.setattr(webhooks.Webhooks.__init__, "__defaults__", ((0.1, 0.1),))
    app = make_app(webhook_hosts="localhost")
    until(lambda: services_of(app).jobs.ready, bool)
    return app


def keyed(app: APIFlask) -> tuple[Client, str]:
    """A client with a key, and the secret of its webhooks."""
    keys = services_of(app).keys
    key, text = keys.add("mine")
    client = app.test_client()
    assert isinstance(client, Client)
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {text}"
    return client, keys.secret(key.id) or ""


def test_the_end_of_a_job_is_told_signed_and_once(app: APIFlask, receiver: Receiver) -> None:
    client, secret = keyed(app)
    made = client.order(webhook=receiver.url(), metadata="m")
    until(lambda: receiver.got, bool)
    headers, body = receiver.got[0]
    assert json.loads(body) == client.job(made)
    assert (json.loads(body)["status"], json.loads(body)["metadata"]) == ("succeeded", "m")
    stamp, code = (part.split("=", 1)[1] for part in headers["Reenact-Signature"].split(","))
    assert code == hmac.new(secret.encode(), f"{stamp}.".encode() + body, sha256).hexdigest()
    client.ended(client.order(webhook=receiver.url(), face="9"))
    until(lambda: len(receiver.got), lambda count: count == 2)  # a failure too; the first not again
    assert json.loads(receiver.got[1][1])["status"] == "failed"


def test_a_call_that_fails_is_tried_three_times(app: APIFlask, receiver: Receiver) -> None:
    client, _ = keyed(app)
    receiver.answers = [500, 302, 503, 200]
    client.order(webhook=receiver.url())
    until(lambda: len(receiver.got), lambda count: count == 3)
    client.ended(client.order(webhook=receiver.url()))
    until(lambda: len(receiver.got), lambda count: count == 4)
    assert len({json.loads(body)["id"] for _, body in receiver.got[:3]}) == 1
    assert json.loads(receiver.got[3][1])["id"] != json.loads(receiver.got[0][1])["id"]


def test_an_order_with_a_private_address_is_refused(app: APIFlask) -> None:
    client, _ = keyed(app)
    answer = client.order(webhook="http://127.0.0.1:1/")
    assert answer.json is not None and answer.json["code"] == "invalid_option"


def test_without_a_key_there_is_nothing_to_sign_with(client: Client) -> None:
    answer = client.order(webhook="https://example.org/")
    assert answer.json is not None and "key" in answer.json["detail"]
