"""What is around the answers: packing, pages elsewhere, senders that are slow."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection

import pytest
from apiflask import APIFlask

from tests.broker.machines import Server, wait_for

from .conftest import Client

ELSEWHERE = "https://app.example.org"
PACKED = {"Accept-Encoding": "gzip, br"}


@pytest.mark.parametrize("address", ["/openapi.json", "/", "/docs", "/static/style.css", "/static/app.js"])
def test_long_texts_are_packed_for_whoever_can_unpack(client: Client, address: str) -> None:
    plain, packed = client.get(address), client.get(address, headers=PACKED)
    assert "Content-Encoding" not in plain.headers and packed.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed.headers["Vary"] and "Accept-Encoding" in plain.headers["Vary"]
    assert gzip.decompress(packed.data) == plain.data
    assert packed.content_length == len(packed.data) < len(plain.data) / 2
    refused = client.get(address, headers={"Accept-Encoding": "gzip;q=0"})
    assert "Content-Encoding" not in refused.headers


def test_a_packed_file_is_known_again(client: Client) -> None:
    packed = client.get("/static/app.js", headers=PACKED)
    again = client.get("/static/app.js", headers={**PACKED, "If-None-Match": packed.headers["ETag"]})
    assert again.status_code == 304


def test_short_answers_and_pictures_are_left_as_they_are(client: Client) -> None:
    for address in ("/healthz", "/v1/animations/none", "/v1/portraits/peter-i/image"):
        assert "Content-Encoding" not in client.get(address, headers=PACKED).headers


@pytest.fixture
def abroad(make_app: Callable[..., APIFlask]) -> Client:
    """A client of a server that a page elsewhere may call."""
    client = make_app(cors_origins=f"{ELSEWHERE}, https://other.example").test_client()
    assert isinstance(client, Client)
    return client


def test_a_page_elsewhere_that_is_named_may_call(abroad: Client) -> None:
    question = {
        "Origin": ELSEWHERE,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, idempotency-key",
    }
    abroad.application.extensions["reenact"].keys.add("someone")  # a key is wanted, but not for the question
    said = abroad.options("/v1/animations", headers=question)
    assert said.status_code == 200
    assert said.headers["Access-Control-Allow-Origin"] == ELSEWHERE
    assert "POST" in said.headers["Access-Control-Allow-Methods"]
    assert "idempotency-key" in said.headers["Access-Control-Allow-Headers"].lower()
    assert "Access-Control-Allow-Credentials" not in said.headers
    answer = abroad.get("/v1/animations", headers={"Origin": ELSEWHERE})
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (401, ELSEWHERE)
    assert "Retry-After" in answer.headers["Access-Control-Expose-Headers"]
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "Origin" in answer.headers["Vary"]


def test_any_other_page_may_not(abroad: Client, client: Client) -> None:
    for who, origin in (
        (abroad, "https://app.example.org.evil.example"),
        (abroad, "null"),
        (client, ELSEWHERE),
    ):
        answer = who.get("/v1/templates", headers={"Origin": origin})
        assert "Access-Control-Allow-Origin" not in answer.headers
    assert client.get("/v1/templates").headers["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("transport"))
    yield server
    server.kill()


@pytest.mark.parametrize("path", ["/v1/animations", "/v1/animations/", "/v1/verify"])
@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=X"])
@pytest.mark.parametrize("size", [3_000, 300_000, 21_000_000])
def test_an_answer_to_a_refused_body_tells_whether_the_connection_goes_on(
    server: Server, path: str, kind: str, size: int
) -> None:
    wait_for(lambda: server.ask("/healthz"))
    with closing(HTTPConnection(server.address.removeprefix("http://"), timeout=20)) as line:
        line.request("POST", path, b"x" * size, {"Content-Type": kind})
        answer = line.getresponse()
        answer.read()
        assert 400 <= answer.status < 500
        if answer.getheader("Connection") != "close":
            line.request("GET", "/healthz")
            assert line.getresponse().status == 200
