"""A visit to the real service in a browser: a site that can go away, a page that tells its complaints."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from socket import SHUT_RDWR, socket
from threading import Thread
from typing import Any

from apiflask import APIFlask
from werkzeug.serving import ThreadedWSGIServer

from reenact.engine import Engine
from server.app import create_app
from server.container import services_of
from server.settings import Settings

CHROMIUM = shutil.which("chromium")
ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / "outputs" / "screenshots"  # ignored by git, kept by CI
FACE, MOTION, LONG = "eileen-collins", "nod", "sing"
FILMED = "surprise"  # the template that has its clip in these tests
DESKTOP = {"viewport": {"width": 1440, "height": 900}}
TABLET = {"viewport": {"width": 768, "height": 1024}}
PHONE = {
    "viewport": {"width": 360, "height": 740},
    "has_touch": True,
    "is_mobile": True,
    "device_scale_factor": 2,
}
DEVICES = {"desktop": DESKTOP, "tablet": TABLET, "phone": PHONE}
SECONDS = 60_000  # milliseconds that a job may take on a machine that does other things too
FLAGS = (
    "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update "
    "--disable-sync --use-fake-device-for-media-stream --use-fake-ui-for-media-stream"
)
# Counts shifts as the metric does (web.dev/cls): those that follow a tap within half a second are meant.
MEASURE_SHIFT = """
window.shift = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shift += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""


class Listener(ThreadedWSGIServer):
    """A server whose end cuts the lines that are open, as that of a process does."""

    daemon_threads = True

    def __init__(self, port: int, app: APIFlask) -> None:
        super().__init__("127.0.0.1", port, app)
        self._lines: set[socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._lines.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._lines.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        super().server_close()
        for line in list(self._lines):
            with suppress(OSError):  # the other side may be gone
                line.shutdown(SHUT_RDWR)


class Site:
    """The service behind a port that can be closed and opened again; its jobs live on meanwhile."""

    def __init__(self, app: APIFlask) -> None:
        self.app = app
        self._server: Listener | None = None
        self.port = 0
        self.open()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def open(self) -> None:
        self._server = Listener(self.port, self.app)
        self.port = self._server.server_port
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()
        self._server = None


@dataclass
class Visit:
    """One visitor's page, with everything that it complained about."""

    page: Any
    site: Site
    complaints: list[str] = field(default_factory=list)
    expected: tuple[str, ...] = ()  # parts of complaints that the test means to provoke

    def open(self, path: str = "/") -> Visit:
        self.page.goto(self.site.url + path)
        self.page.wait_for_selector("html[data-ready]")
        return self

    def state(self, name: str) -> None:
        self.page.wait_for_selector(f"#stage[data-state={name}]", timeout=SECONDS)

    def tap(self, selector: str) -> None:
        self.page.locator(selector).click()

    def choose(self, face: str = FACE, motion: str = MOTION) -> None:
        self.tap(f"#portraits [data-id={face}]")
        self.tap(f"#templates [data-id={motion}]")

    def upload(self, *files: Path | dict[str, Any], into: str = "#photo") -> None:
        self.page.locator(into).set_input_files(files[0])

    def playing(self) -> None:
        self.until(
            "(v => v.readyState > 2 && !v.paused && v.currentTime > 0)(document.getElementById('video'))"
        )

    def until(self, expression: str) -> None:
        """Wait for a JavaScript expression; Playwright's own way needs eval, which the page forbids."""
        deadline = time.monotonic() + SECONDS / 1000
        while not self.page.evaluate(expression):
            assert time.monotonic() < deadline, expression
            time.sleep(0.02)

    def result(self) -> str:
        """The address of what is shown."""
        return str(self.page.evaluate("document.getElementById('save').href"))

    def problem(self, code: str) -> None:
        self.page.wait_for_selector(f"#problem[data-code={code}]", timeout=SECONDS)
        self.state("failed")

    def shot(self, name: str) -> None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.wait_for_timeout(300)  # for what scrolls and for the previews
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png")

    def hear(self, text: str) -> None:
        if not any(part in text for part in self.expected):
            self.complaints.append(text)


@contextmanager
def serve(settings: Settings) -> Iterator[Site]:
    """The service with a warm engine, on any free port."""

    def warm() -> Engine:
        engine = Engine(device="cpu")
        engine.warm()
        return engine

    app = create_app(settings, warm)
    services_of(app).start()
    site = Site(app)
    try:
        yield site
    finally:
        site.close()
        services_of(app).close()


@contextmanager
def chromium(*flags: str) -> Iterator[Any]:
    """Debian's Chromium, alone with the site."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as p:
        launched = p.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS.split(), *flags])
        try:
            yield launched
        finally:
            launched.close()
