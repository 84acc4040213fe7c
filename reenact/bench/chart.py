"""The figures as an SVG chart: frames per second compared with vox-256, and time per frame by step."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

WIDTH, ROW, LEFT, BAR = 780, 26, 275, 420  # pixels
COLOURS = {"ours": "#2463eb", "theirs": "#9aa3b2"}
NAMES = {
    "ours": "Reenact, stored template: the whole path",
    "ours from a clip": "Reenact, motion from a clip: the whole path",
    "graphs": "vox-256 in our ONNX graphs: networks alone",
    "eager": "vox-256 as its demo runs it: networks alone",
}
ONCE = {"read", "find", "cut, keypoints and encode source", "still picture"}  # per job, not per frame

Bar = tuple[str, float, str, str]  # label, length, text at its end, colour


def write_chart(figures: dict[str, Any], path: Path) -> None:
    """Draw the figures that are present; writes nothing where there are none."""
    rows: list[str | Bar] = [*_rivals(figures), *_stations(figures)]
    if not rows:
        return
    height = ROW * (len(rows) + 2)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        *(line for index, row in enumerate(rows) for line in _row(row, (index + 1) * ROW)),
        _text(8, height - 10, _machine(figures), "#5b6472"),
        "</svg>",
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _rivals(figures: dict[str, Any]) -> Iterator[str | Bar]:
    rounds = figures.get("rivals", {}).get("rounds", {})
    if not rounds:
        return
    yield "Frames a second, 256 pixels, best of the rounds (longer is better)"
    speeds = {name: max(each["frames_per_second"] for each in rounds[name]) for name in NAMES}
    most = max(speeds.values())
    for name, speed in speeds.items():
        colour = COLOURS["ours" if name.startswith("ours") else "theirs"]
        yield NAMES[name], speed / most, f"{speed:.1f}", colour


def _stations(figures: dict[str, Any]) -> Iterator[str | Bar]:
    for size in ("256", "512"):
        found = {
            name: each["cpu_ms"]
            for name, each in figures.get("stations", {}).get(size, {}).items()
            if name not in ONCE
        }
        if found:
            yield f"Milliseconds of one core a frame, by station, {size} pixels (shorter is better)"
            most = max(found.values())
            yield from ((name, each / most, f"{each:.1f}", COLOURS["ours"]) for name, each in found.items())


def _row(row: str | Bar, y: int) -> Iterator[str]:
    if isinstance(row, str):
        yield _text(8, y + 10, row, "#111827", 'font-weight="bold"')
        return
    label, share, end, colour = row
    length = max(1.0, share * BAR)
    yield _text(8, y + 10, label, "#111827", 'font-size="11"')
    yield f'<rect x="{LEFT}" y="{y}" width="{length:.1f}" height="14" fill="{colour}"/>'
    yield _text(LEFT + length + 6, y + 11, end, "#111827")


def _text(x: float, y: float, text: str, colour: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" {more}>{escape(text)}</text>'


def _machine(figures: dict[str, Any]) -> str:
    machine = figures["machine"]
    busy = "; others used the machine too" if max(machine["load"]) > 2 * machine["cores"] else ""
    return f"{machine['processor']}, {machine['threads']} threads, {machine['graph']}{busy}"
