"""How long a visitor waits: from the tap that completes the choice to the first frame that is seen.

    python -m tests.browser.tap --rounds 9

A result counts as playing when the browser has put a frame of it on the screen. "job" is the service's own
time from taking the order to its end; "more" is what page, line and browser add to it, 300 ms
at the most.
"""

from __future__ import annotations

import argparse
import logging
import statistics
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

from server.settings import Settings

from .visit import DEVICES, FACE, MEASURE_SHIFT, MOTION, Visit, chromium, serve

# A video's frame callback tells when a frame was composed; a picture's decoding, when it could be.
MARK = """
window.marks = {};
const mark = (name) => { window.marks[name] ??= performance.timeOrigin + performance.now(); };
addEventListener("click", (event) => {
  if (event.target.closest("#templates .tile")) { window.marks = {}; mark("tap"); }
}, true);
addEventListener("DOMContentLoaded", () => {
  const video = document.getElementById("video"), image = document.getElementById("animation");
  const stage = document.getElementById("stage");
  new MutationObserver(() => {
    if (stage.dataset.state !== "done") return;
    mark("told");
    if (!video.hidden) video.requestVideoFrameCallback(() => mark("seen"));
    else image.decode().then(() => requestAnimationFrame(() => mark("seen")));
  }).observe(stage, { attributeFilter: ["data-state"] });
  video.addEventListener("loadedmetadata", () => mark("header"));
  video.addEventListener("loadeddata", () => mark("first"));
});
"""


def measure(visit: Visit, motion: str) -> dict[str, float]:
    """The milliseconds of one tap, by part."""
    visit.tap(f"#templates [data-id={motion}]")
    visit.until("window.marks.seen > 0 && document.getElementById('stage').dataset.state === 'done'")
    marks: dict[str, float] = visit.page.evaluate("window.marks")
    job = visit.page.request.get(f"{visit.site.url}/v1/animations?limit=1").json()["animations"][0]
    begun, ended = (
        datetime.fromisoformat(job[name]).timestamp() * 1000 for name in ("created_at", "ended_at")
    )
    since = {name: at - marks["tap"] for name, at in marks.items()}
    return {
        "job": ended - begun,
        "taken": begun - marks["tap"],
        "told": marks["told"] - ended,
        "header": since.get("header", 0) - since["told"],
        "first": since.get("first", 0) - since["told"],
        "seen": since["seen"] - since["told"],
        "all": since["seen"],
        "more": since["seen"] - (ended - begun),
    }


def rounds(visit: Visit, count: int, motion: str, options: list[str]) -> list[dict[str, float]]:
    """Taps in a row, after one that warms the browser's decoder."""
    visit.page.add_init_script(MEASURE_SHIFT + MARK)
    visit.open()
    for option in options:  # they are shown with a result only
        visit.page.locator(f"#options [value='{option}']").evaluate("input => input.click()")
    visit.tap(f"#portraits [data-id={FACE}]")
    return [measure(visit, motion) for _ in range(count + 1)][1:]


def show(found: list[dict[str, float]]) -> None:
    """A row of medians, and the worst."""
    for name in found[0]:
        values = [each[name] for each in found]
        print(f"{name:>7} {statistics.median(values):8.0f} ms, worst {max(values):8.0f} ms")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--device", choices=DEVICES, default="phone")
    parser.add_argument("--motion", default=MOTION)
    parser.add_argument("--options", nargs="*", default=[], help="values of the page's options, e.g. gif 512")
    given = parser.parse_args()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with (
        tempfile.TemporaryDirectory() as data,
        serve(Settings(data=Path(data))) as site,
        chromium() as browser,
    ):
        page: Any = browser.new_context(**DEVICES[given.device]).new_page()
        found = rounds(Visit(page, site), given.rounds, given.motion, given.options)
        print(f"{given.motion} on a {given.device}, {given.rounds} rounds")
        show(found)


if __name__ == "__main__":
    main()
