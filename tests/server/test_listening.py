"""Malformed and unusual requests over a raw socket."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.broker.machines import Server, wait_for

ID = "0" * 32
JOB = f"GET /v1/animations/{ID} HTTP/1.1\r\nHost: localhost\r\n"
LAST = "Connection: close\r\n\r\n"
POST = "POST /v1/animations HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("listening"))
    wait_for(lambda: server.ask("/healthz"))
    yield server
    log = server.log.read_text()
    server.kill()
    assert "Traceback" not in log, log


def dial(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(server.address.rpartition(":")[2])), 30)


def talk(server: Server, *packets: str, close: bool = False) -> list[tuple[int, bytes, bytes]]:
    """Send packets one after the other; status, head and body of each answer until the server hangs up."""
    with dial(server) as line:
        for packet in packets:
            line.sendall(packet.encode("latin-1"))
            time.sleep(0.05)
        if close:
            line.shutdown(socket.SHUT_WR)
        said = b""
        with suppress(ConnectionResetError):  # what was not read when the server closed
            while part := line.recv(65536):
                said += part
    answers = []
    while said:
        head, _, rest = said.partition(b"\r\n\r\n")
        fields = dict(each.lower().split(b": ", 1) for each in head.split(b"\r\n")[1:])
        length = int(fields.get(b"content-length", 0))
        answers.append((int(head.split()[1]), head, rest[:length]))
        said = rest[length:]
    return answers


@pytest.mark.parametrize(
    "packets",
    [
        (JOB + LAST,),
        (JOB.replace("Host", "host") + LAST.lower(),),
        (JOB.replace("/v1", "http://here/v1") + LAST,),
        (JOB.replace("/animations/0", "/%61nimations/%30") + LAST,),
        (JOB.replace(" HTTP", "?a=%20&b HTTP") + LAST,),
        (JOB.replace("1.1", "1.0") + LAST,),
        ("\r\n" + JOB + LAST,),
        (JOB + "Content-Length: 3\r\n" + LAST + "abc",),
        (JOB + "Transfer-Encoding: chunked\r\n" + LAST + "0\r\n\r\n",),
        (JOB + "X-Long: " + "x" * 5000 + "\r\n" + LAST,),
        (JOB[:1], JOB[1:] + LAST),
        (JOB[:30], JOB[30:], LAST[:-1], LAST[-1:]),
        (JOB + "\r\n" + JOB + "\r\n" + JOB + LAST,),
        (JOB + "\r\n" + JOB[:20], JOB[20:] + "\r\n", JOB + LAST),
    ],
)
def test_what_is_odd_but_legal_is_answered_as_all_else(server: Server, packets: tuple[str, ...]) -> None:
    answers = talk(server, *packets)
    assert len(answers) == "".join(packets).count("Host") + "".join(packets).count("host:")
    for status, _, body in answers:
        assert status == 404 and json.loads(body)["code"] == "not_found"


def test_heads_alone_are_given_without_a_body(server: Server) -> None:
    ((status, head, body),) = talk(server, JOB.replace("GET", "HEAD") + LAST)
    assert status == 404 and b"problem+json" in head and body == b""


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ("nonsense\r\n\r\n", 400),
        (JOB + "Name : x\r\n" + LAST, 400),
        (JOB + "Content-Length: many\r\n" + LAST, 400),
        (JOB + "X: 1\r\n" * 8000 + LAST, 431),
        (POST + "Transfer-Encoding: chunked\r\n" + LAST + "zz\r\n", 400),
        (POST + "Transfer-Encoding: gzip\r\n" + LAST, 501),
        (POST + "Content-Length: 100000000\r\n" + LAST, 413),
    ],
)
def test_a_malformed_request_is_refused_and_its_connection_closed(
    server: Server, request_: str, status: int
) -> None:
    ((found, head, _),) = talk(server, request_)
    assert found == status and b"Connection: close" in head


def test_a_proxys_headers_are_believed_only_where_the_operator_says_so(server: Server) -> None:
    for headers in ("SCRIPT_NAME: /x\r\n", "X-Forwarded-Proto: https\r\nX-Forwarded-Ssl: off\r\n"):
        ((status, _, _),) = talk(server, JOB + headers + LAST)
        assert status == 404
