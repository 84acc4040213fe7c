"""The page behind a proxy that serves it under a path and removes that path, as nginx and Caddy do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from server.settings import Settings

from .visit import DESKTOP, Visit, serve

pytestmark = pytest.mark.browser
PREFIX = "/reenact"
OWN = ("connection", "transfer-encoding", "date", "server")  # headers that the proxy itself sets


class Proxy(BaseHTTPRequestHandler):
    """Passes on what is asked for under the prefix, and closes each connection."""

    port = 0  # of the service

    def do_GET(self) -> None:
        if not self.path.startswith(PREFIX + "/"):
            self.send_error(404)
            return
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        forwarded = {"X-Forwarded-Prefix": PREFIX, "X-Forwarded-Host": self.headers["Host"]}
        line = HTTPConnection("127.0.0.1", self.port, timeout=60)
        line.request(self.command, self.path[len(PREFIX) :], body, {**dict(self.headers), **forwarded})
        answer = line.getresponse()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in OWN:
                self.send_header(name, value)
        self.end_headers()
        try:
            while piece := answer.read1():
                self.wfile.write(piece)
        except OSError:
            pass  # the page has hung up
        line.close()

    do_POST = do_DELETE = do_HEAD = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def behind(settings: Settings, tmp_path: Path) -> Iterator[str]:
    """The address of a service behind such a proxy."""
    with serve(replace(settings, data=tmp_path / "var", proxies=1)) as site:
        handler = type("Handler", (Proxy,), {"port": site.port})
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as proxy:
            Thread(target=proxy.serve_forever, daemon=True).start()
            yield f"http://127.0.0.1:{proxy.server_port}{PREFIX}/"
            proxy.shutdown()


def test_a_visitor_makes_a_clip_and_reads_the_documents(visit: Callable[..., Visit], behind: str) -> None:
    visitor = visit(DESKTOP)
    failed: list[str] = []
    visitor.page.on("response", lambda got: got.status >= 400 and failed.append(got.url))
    visitor.page.goto(behind)
    visitor.page.wait_for_selector("html[data-ready]")
    visitor.choose()
    visitor.playing()
    for path in ("verify", "docs"):
        visitor.page.goto(behind)
        visitor.page.locator(f"a[href='{PREFIX}/{path}']").first.click()
        visitor.page.wait_for_url(behind + path)
    document = visitor.page.request.get(behind + "openapi.json").json()
    assert document["servers"] == [{"url": PREFIX}]
    assert failed == []
