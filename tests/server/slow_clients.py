"""Looks at job status by 50 clients, beside 20 slow uploads, 20 slow downloads and a running job.

    python -m tests.server.slow_clients --clients 50 --seconds 20

It starts a server with short templates, and prints the time in which 99 of 100 looks were answered, and what
was not served. A look's time includes opening its connection, and the clients' own work on the same cores.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import statistics
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.broker.machines import Server

from . import load

SLOW = 20  # uploads, and as many downloads
PAUSE = 1.0  # seconds between two looks of a client
PIECE = 2_000  # bytes that a slow client sends or reads at once
PIECE_SECONDS = 0.25  # between two of them
UPLOAD = 100_000  # bytes


@dataclass
class Found:
    """What the clients got."""

    looks: list[float] = field(default_factory=list)  # seconds
    unserved: list[str] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)  # slow uploads and downloads that were served


def measure(server: Server, clients: int, seconds: float) -> Found:
    """Let all of them work for so long; slow clients begin anew when they have ended."""
    finished = server.order()
    server.ended(finished, 300)
    running = server.order(template="long")
    return asyncio.run(_measure(int(server.address.rpartition(":")[2]), running, clients, seconds))


async def _measure(port: int, id: str, clients: int, seconds: float) -> Found:
    found, end = Found(), time.monotonic() + seconds
    await asyncio.gather(
        *(_look(port, id, found, end, number / clients) for number in range(clients)),
        *(_slow(_upload(), port, "upload", b"415", found, end) for _ in range(SLOW)),
        *(_slow(_download(), port, "download", b"200", found, end) for _ in range(SLOW)),
    )
    return found


async def _look(port: int, id: str, found: Found, end: float, offset: float) -> None:
    await asyncio.sleep(2 + offset * PAUSE)  # when the slow ones are there
    while time.monotonic() < end:
        begun = time.perf_counter()
        try:
            async with asyncio.timeout(30):
                status, _, _ = await load._ask(port, "GET", f"/v1/animations/{id}")
        except (OSError, TimeoutError) as e:
            found.unserved.append(f"look: {e!r}")
        else:
            found.looks.append(time.perf_counter() - begun)
            if status != 200:
                found.unserved.append(f"look: {status}")
        await asyncio.sleep(PAUSE)


async def _slow(request: bytes, port: int, what: str, status: bytes, found: Found, end: float) -> None:
    while time.monotonic() < end:
        try:
            line = socket.socket()
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, PIECE)  # or the kernel takes all at once
            line.setblocking(False)
            await asyncio.get_running_loop().sock_connect(line, ("127.0.0.1", port))
            reader, writer = await asyncio.open_connection(sock=line, limit=PIECE)
            for start in range(0, len(request), PIECE):
                writer.write(request[start : start + PIECE])
                await writer.drain()
                await asyncio.sleep(PIECE_SECONDS if what == "upload" else 0)
            answer = b""
            async with asyncio.timeout(120):
                while piece := await reader.read(PIECE):
                    answer += piece
                    if what == "download":
                        await asyncio.sleep(PIECE_SECONDS / 5)
            writer.close()
        except (OSError, TimeoutError) as e:
            found.unserved.append(f"{what}: {e!r}")
            continue
        if answer.split(b" ", 2)[1:2] == [status]:
            found.done[what] += 1
        else:
            found.unserved.append(f"{what}: {answer[:40]!r}")


def _upload() -> bytes:
    """A request whose body comes whole but is no picture, which costs the server little."""
    body = b'--b\r\nContent-Disposition: form-data; name="selfie"; filename="x.jpg"\r\n\r\n'
    body += b"x" * UPLOAD + b"\r\n--b--\r\n"
    return (
        b"POST /v1/previews HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        b"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: %d\r\n\r\n" % len(body)
    ) + body


def _download() -> bytes:
    path = b"/v1/portraits/eileen-collins/image"
    return b"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n" % path


def main() -> None:
    """Measure once and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=20)
    asked = parser.parse_args()
    with load.serving() as server:
        found = measure(server, asked.clients, asked.seconds)
    print(
        json.dumps(
            {
                "looks": len(found.looks),
                "median_ms": round(statistics.median(found.looks) * 1000, 1),
                "p99_ms": round(load.p99(found.looks) * 1000, 1),
                "slow": dict(found.done),
                "unserved": dict(Counter(found.unserved)),
            }
        )
    )


if __name__ == "__main__":
    main()
