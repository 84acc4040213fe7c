"""Programs that get webhooks: good ones, slow ones, and those that never answer."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread


class Receiver:
    """An HTTP server that keeps what it gets and answers as it is told."""

    def __init__(self, drips: bool = False) -> None:
        """``drips``: it sends a line of its head byte by byte, until ``enough`` is set."""
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        self.enough, self.held = Event(), 0  # calls that it has not answered yet
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.got.append((dict(self.headers), body))
                self.send_response(outer.answers.pop(0) if outer.answers else 204)
                self.send_header("Location", "http://localhost/elsewhere")
                if drips:
                    self.drip()
                self.end_headers()

            def drip(self) -> None:
                outer.held += 1
                try:
                    self.send_header("X-Drip", "")
                    self.flush_headers()
                    while not outer.enough.wait(0.05):
                        self.wfile.write(b"X")
                    self.wfile.write(b": 1\r\n")
                except OSError:  # they have gone
                    self.close_connection = True
                finally:
                    outer.held -= 1

            def end_headers(self) -> None:
                try:
                    super().end_headers()
                except OSError:
                    self.close_connection = True

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def url(self, host: str = "localhost") -> str:
        return f"http://{host}:{self.server.server_port}/hook?x=1"

    def close(self) -> None:
        self.enough.set()
        self.server.shutdown()
        self.server.server_close()


@contextmanager
def dead() -> Iterator[str]:
    """The address of one that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://localhost:{server.getsockname()[1]}/"
