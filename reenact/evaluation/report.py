"""The results of an evaluation as text, JSON and an HTML page with videos."""

from __future__ import annotations

import html
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from reenact.evaluation.gallery import Video
from reenact.evaluation.table import Column, Table
from reenact.os_errors import unwritable

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Reenact: evaluation</title>
<meta name="viewport" content="width=device-width">
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 68rem; margin: 2rem auto; padding: 0 1rem }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums }}
th, td {{ padding: .3rem .7rem; text-align: right; border-bottom: 1px solid #ccc }}
th:first-child, td:first-child {{ text-align: left }}
.best {{ font-weight: bold }}
figure {{ margin: 1.5rem 0 }} video {{ width: 100%; max-width: 1024px; display: block }}
figcaption, .note {{ color: #555; font-size: .9rem }}
</style></head><body>
<h1>Evaluation</h1>
{sections}
<p class="note">The people seen here are from research recordings. Do not redistribute this page.</p>
</body></html>
"""


@dataclass(frozen=True)
class Report:
    """The tables, and videos of some of the clips.

    ``cross`` is None where no method animates, ``hd`` where there are no large clips.
    """

    reconstruction: Table
    cross: Table | None
    reconstruction_videos: tuple[Video, ...] = ()
    cross_videos: tuple[Video, ...] = ()
    seconds: float = 0.0  # duration of the evaluation
    hd: Table | None = None
    hd_videos: tuple[Video, ...] = ()

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables that exist."""
        return tuple(table for table in (self.reconstruction, self.cross, self.hd) if table is not None)

    def markdown(self) -> str:
        """Tables and notes; Markdown that also reads as plain text."""
        return text_of(self.tables)

    def as_dict(self) -> dict[str, Any]:
        """Everything but the videos, for JSON, with the metrics of every clip."""
        return {
            "reconstruction": self.reconstruction.as_dict(),
            "cross_identity": None if self.cross is None else self.cross.as_dict(),
            "hd": None if self.hd is None else self.hd.as_dict(),
            "seconds": round(self.seconds, 1),
        }

    def page(self) -> str:
        """The HTML page; its videos are in the same folder."""
        tables = (self.reconstruction, self.cross, self.hd)
        videos = (self.reconstruction_videos, self.cross_videos, self.hd_videos)
        return page_of([(table, shown) for table, shown in zip(tables, videos, strict=True) if table])


class Findings(Protocol):
    """Interface of results that ``write_report`` writes."""

    def markdown(self) -> str:
        """As text."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""

    def page(self) -> str:
        """As HTML."""


def text_of(tables: Sequence[Table]) -> str:
    """Tables and notes; Markdown that also reads as plain text."""
    parts = [f"{t.title}\n\n{t.markdown()}\n\n" + "\n".join(t.notes) for t in tables]
    return "\n\n".join(parts) + "\n"


def page_of(sections: Sequence[tuple[Table, Sequence[Video]]], pictures: Sequence[str] = ()) -> str:
    """An HTML page of tables with their videos, then pictures; the files are in the same folder."""
    parts = [_section(table, videos) for table, videos in sections]
    parts += [f'<figure><img src="{html.escape(name)}" style="width:100%"></figure>' for name in pictures]
    return PAGE.format(sections="\n".join(parts))


def write_report(report: Findings, folder: Path) -> None:
    """Write ``report.html``, ``report.json`` and ``report.md`` into a folder that holds the videos.

    Raises:
        OutputError: the folder cannot be written to.
    """
    texts = {
        "report.md": report.markdown(),
        "report.json": json.dumps(report.as_dict(), indent=1, allow_nan=False) + "\n",
        "report.html": report.page(),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            place = Path(os.path.realpath(folder / name))  # the target of a symlink is replaced, not the link
            unfinished = place.with_name(f"{place.name}.part")
            try:
                unfinished.write_text(text, encoding="utf-8")
                unfinished.replace(place)
            finally:
                unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise unwritable(f"The report in {folder}", error) from error


def _section(table: Table, videos: Sequence[Video]) -> str:
    heading = "".join(f"<th>{html.escape(column.heading)}</th>" for column in table.columns)
    rows = "\n".join(_row(table, name) for name in table.rows)
    notes = "".join(f'<p class="note">{html.escape(note)}</p>' for note in table.notes)
    figures = "\n".join(_figure(video) for video in videos)
    return (
        f"<h2>{html.escape(table.title)}</h2>\n<table><tr><th>method</th>{heading}</tr>\n{rows}</table>\n"
        f"{notes}\n{figures}"
    )


def _row(table: Table, name: str) -> str:
    cells = []
    for column in table.columns:
        value = table.rows[name][column.key]
        best = ' class="best"' if value == _best(table, column) else ""
        cells.append(f"<td{best}>{column.shown(value)}</td>")
    return f"<tr><td>{html.escape(name)}</td>{''.join(cells)}</tr>"


def _best(table: Table, column: Column) -> float | None:
    values = [row[column.key] for row in table.rows.values() if row[column.key] == row[column.key]]
    if not values:
        return None
    return max(values) if column.more_is_better else min(values)


def _figure(video: Video) -> str:
    columns = " | ".join(html.escape(column) for column in video.columns)
    return (
        f'<figure><video src="{html.escape(video.path)}" controls muted loop playsinline preload="metadata">'
        f"</video><figcaption>{html.escape(video.title)}: {columns}</figcaption></figure>"
    )
