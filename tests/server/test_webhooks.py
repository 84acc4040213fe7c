"""Webhooks: who may be called, what is sent, and that none is forgotten."""

from __future__ import annotations

import hmac
import json
import socket
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from threading import Event, Thread
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import update
from sqlalchemy.exc import OperationalError
from standardwebhooks import Webhook

from reenact.errors import InvalidOption
from server.access.signature import standard_headers
from server.container import services_of
from server.jobs.table import jobs
from server.webhooks import delivery, safe_post
from server.webhooks.safe_post import check_host, is_public, parse, post

from .conftest import Client, until
from .receivers import Receiver, dead

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
        "http://a b/", "http://a..b/", "http://.a/", "http://-a.b/", "http://a-.b/", "http://./",
        f"http://{'a' * 64}.org/", "http://" + ".".join(["a" * 60] * 5), "http://example.org:0/", "http://m\xfcnchen.de/",
        "http://256.256.256.256/", "http://1.2.3.4.5/", "http://a.0x1/", "http://[::12345]/", "http://a:b:c/",
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


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


def test_a_name_that_points_inside_is_not_called(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo

    def lie(host: str, *args: Any, **kwargs: Any) -> Any:
        return real("127.0.0.1" if host == "example.org" else host, *args, **kwargs)

    monkeypatch.setattr(safe_post.socket, "getaddrinfo", lie)
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

    monkeypatch.setattr(safe_post.socket, "getaddrinfo", answer)
    assert post(receiver.url("rebind.example"), b"{}", {}, frozenset({"rebind.example"})) == 204
    assert len(asked) == 1
    assert receiver.got[0][0]["Host"] == f"rebind.example:{receiver.server.server_port}"


def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    receiver.answers = [302]
    assert post(receiver.url(), b"{}", {}, frozenset({"localhost"})) == 302
    assert len(receiver.got) == 1


@pytest.fixture
def app(make_app: Callable[..., APIFlask], monkeypatch: pytest.MonkeyPatch) -> APIFlask:
    monkeypatch.setattr(delivery, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(delivery.Webhooks.__init__, "__defaults__", ((0.1, 0.1),))
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
    assert Webhook(secret).verify(body, headers)["id"] == headers["webhook-id"]
    assert headers["webhook-timestamp"] == stamp
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
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_option")  # type: ignore[index]


def test_an_impossible_host_is_refused_before_any_work(app: APIFlask) -> None:
    client, _ = keyed(app)
    answer = client.order(webhook="http://a..b/")
    assert answer.status_code == 422
    assert answer.json is not None and answer.json["code"] == "invalid_option"


def test_a_call_has_one_deadline_for_all_it_does() -> None:
    drips = Receiver(drips=True)
    with dead() as silent:
        for url in (drips.url(), silent, silent.replace("http:", "https:")):
            with pytest.raises(TimeoutError):
                post(url, b"{}", {}, frozenset({"localhost"}), 0.3)
    drips.close()


def test_looking_up_the_name_counts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    enough = Event()
    monkeypatch.setattr(safe_post.socket, "getaddrinfo", lambda *args, **more: enough.wait(60) and [])
    with pytest.raises(TimeoutError):
        post("http://example.org/", b"{}", {}, frozenset(), 0.1)
    enough.set()


def test_a_name_with_an_address_where_nobody_listens_is_called_at_its_others(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.getaddrinfo

    def both(host: str, *args: Any, **more: Any) -> Any:
        two = ("::1", "127.0.0.1") if host == "localhost" else (host,)
        return [each for name in two for each in real(name, *args, **more)]

    monkeypatch.setattr(safe_post.socket, "getaddrinfo", both)
    assert post(receiver.url(), b"{}", {}, frozenset({"localhost"})) == 204


def test_what_speaks_no_http_is_an_error_like_others(receiver: Receiver) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://localhost:{server.getsockname()[1]}/"

        def answer() -> None:
            line = server.accept()[0]
            with line:
                line.sendall(b"SSH-2.0-x\r\n")

        Thread(target=answer, daemon=True).start()
        with pytest.raises(OSError):
            post(url, b"{}", {}, frozenset({"localhost"}))


def test_who_answers_slowly_or_never_or_cannot_exist_keeps_nobody_waiting(
    make_app: Callable[..., APIFlask], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(safe_post, "SECONDS", 60.0)  # so that it is not the deadline that sets others free
    app = make_app(webhook_hosts="localhost", unfinished_per_key=50, queue_length=50)
    use = services_of(app)
    until(lambda: use.jobs.ready, bool)
    client, _ = keyed(app)
    drips, good = Receiver(drips=True), [Receiver() for _ in range(17)]
    with dead() as silent:
        impossible = client.order(webhook=good[0].url()).json or {}
        with use.database.write() as connection:  # as an earlier release took it
            mine = jobs.c.id == impossible["id"]
            connection.execute(update(jobs).where(mine).values(webhook="http://a..b/"))
        for url in (drips.url(), silent, *(each.url() for each in good)):
            assert client.order(webhook=url).status_code == 202
        until(lambda: [len(each.got) for each in good], lambda got: got == [1] * 17)
        assert drips.held == 1  # still
    for each in (drips, *good):
        each.close()


def test_one_that_is_slow_many_times_keeps_nobody_waiting(
    make_app: Callable[..., APIFlask], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(safe_post, "SECONDS", 60.0)
    for name, most in (("MAX_CALLS", 4), ("MAX_PER_OWNER", 3), ("MAX_PER_HOST", 2)):
        monkeypatch.setattr(delivery, name, most)
    app = make_app(webhook_hosts="localhost", unfinished_per_key=50, queue_length=50)
    until(lambda: services_of(app).jobs.ready, bool)
    slow, slow_too, good = Receiver(drips=True), Receiver(drips=True), Receiver()
    client, _ = keyed(app)
    for url in [slow.url()] * 5 + [good.url()]:
        client.order(webhook=url)
    until(lambda: len(good.got), bool)  # the same owner's, elsewhere
    for _ in range(5):
        client.order(webhook=slow_too.url())
    until(lambda: slow.held + slow_too.held, lambda held: held == 3)
    other, _ = keyed(app)
    other.order(webhook=good.url())
    until(lambda: len(good.got), lambda got: got == 2)
    assert slow.held + slow_too.held == 3
    for each in (slow, slow_too, good):
        each.close()


def test_trouble_with_the_database_stops_no_webhook(
    app: APIFlask, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliveries = services_of(app).webhooks._deliveries  # type: ignore[union-attr]
    real, failed = deliveries.due, Event()

    def due(limit: int) -> Any:
        if not failed.is_set():
            failed.set()
            raise OperationalError("SELECT", {}, Exception("away"))
        return real(limit)

    monkeypatch.setattr(deliveries, "due", due)
    assert failed.wait(10)
    client, _ = keyed(app)
    client.order(webhook=receiver.url())
    until(lambda: receiver.got, bool)


def test_a_mistake_of_ours_ends_one_try(
    app: APIFlask, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks = services_of(app).webhooks
    assert hooks
    real, failed = hooks._render, Event()

    def render(id: str) -> bytes:
        if not failed.is_set():
            failed.set()
            raise TypeError("of a newer release")
        return real(id)

    monkeypatch.setattr(hooks, "_render", render)
    client, _ = keyed(app)
    client.order(webhook=receiver.url())
    until(lambda: receiver.got, bool)
    assert failed.is_set()


def test_a_secret_of_an_earlier_release_signs_as_its_base64_says() -> None:
    old = "whsec_" + "-_ab" * 8
    headers = standard_headers(b"{}", old, "id", int(time.time()))
    Webhook("whsec_" + "+/ab" * 8).verify(b"{}", headers)
