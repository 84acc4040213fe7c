"""Requests as no decent client sends them, over a raw socket, and which of them count as looks at jobs."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from server.http.listening import LOOK
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
        said = b"".join(iter(lambda: line.recv(65536), b""))
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
        (JOB.replace("GET", "get") + LAST, 400),
        (JOB.replace("1.1", "2.0") + LAST, 400),
        (JOB + "Host: there\r\n" + LAST, 400),
        (JOB + "Name : x\r\n" + LAST, 400),
        (JOB + "X: 1\r\n  folded\r\n" + LAST, 400),
        (JOB + "Content-Length: many\r\n" + LAST, 400),
        (JOB + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n" + LAST, 400),
        (JOB.replace("\r\n", "\n") + "\n", 400),
        (JOB.replace(ID, "a" * 9000) + LAST, 414),
        (JOB + "Expect: tea\r\n" + LAST, 417),
        (JOB + "X: 1\r\n" * 150 + LAST, 431),
        (POST + "Transfer-Encoding: chunked\r\n" + LAST + "zz\r\n", 400),
        (POST + "Content-Length: 100\r\n" + LAST + "--b\r\n", 400),
        (POST + "Transfer-Encoding: chunked\r\n" + LAST + "5\r\n--b", 400),
    ],
)
def test_what_is_no_proper_request_is_refused_as_a_problem(
    server: Server, request_: str, status: int
) -> None:
    ((found, head, body),) = talk(server, request_, close=True)
    problem = json.loads(body)
    assert (found, problem["status"], problem["code"]) == (status, status, "bad_request")
    assert b"application/problem+json" in head and problem["request_id"].encode() in head
    assert problem["detail"].endswith(".") and len(problem["detail"]) > 15


def test_a_proxys_headers_are_believed_only_where_the_operator_says_so(server: Server) -> None:
    for headers in ("SCRIPT_NAME: /x\r\n", "X-Forwarded-Proto: https\r\nX-Forwarded-Ssl: off\r\n"):
        ((status, _, _),) = talk(server, JOB + headers + LAST)
        assert status == 404


@pytest.fixture
def hasty(tmp_path: Path) -> Iterator[Server]:
    """A server that waits two seconds for a head."""
    server = Server(tmp_path, REENACT_HEAD_SECONDS="2")
    wait_for(lambda: server.ask("/healthz"))
    yield server
    server.kill()


def test_half_heads_hold_their_threads_only_for_a_while(hasty: Server) -> None:
    begun = time.monotonic()
    with ExitStack() as lines:
        dialled = [lines.enter_context(dial(hasty)) for _ in range(40)]  # more than there are threads
        for number, line in enumerate(dialled):  # the last speak TLS
            line.sendall(
                b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
                if number < 20
                else b"\x16\x03\x01" + bytes(60)
            )
        time.sleep(0.5)
        assert hasty.ask("/healthz")  # or else TimeoutError
        assert dialled[0].recv(9) == b"" and time.monotonic() - begun > 1.9


@pytest.mark.parametrize(
    ("head", "looks"),
    [
        (JOB + "\r\n", True),
        (JOB + "Authorization: Bearer rk_x\r\nUpgrade-Insecure-Requests: 1\r\n\r\n", True),
        (JOB.replace("1.1", "1.0") + "\r\n", True),  # as nginx asks by default
        (JOB.replace(" HTTP", "?now=17 HTTP") + "\r\n", True),
        (JOB, False),
        (JOB + "content-length: 3\r\n\r\n", False),
        (JOB + "TRANSFER-ENCODING: chunked\r\n\r\n", False),
        (JOB + "Expect: 100-continue\r\n\r\n", False),
        (JOB + " Content-Length: 3\r\n\r\n", False),
        (JOB + "\r\n" + POST, False),
        (JOB.replace("GET", "HEAD") + "\r\n", False),
        (JOB.replace("GET", "get") + "\r\n", False),
        (JOB.replace(" HTTP", "/events HTTP") + "\r\n", False),
        (JOB.replace("1.1", "2.0") + "\r\n", False),
    ],
)
def test_only_a_whole_look_at_a_job_goes_to_the_threads_for_looks(head: str, looks: bool) -> None:
    assert bool(LOOK.fullmatch(head.encode())) is looks
