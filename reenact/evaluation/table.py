"""A table of metrics: one row per method, one column per metric, and the values of each clip."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Row = dict[str, float]


@dataclass(frozen=True)
class Column:
    """One metric: its key in rows, its heading, decimals shown, and whether higher is better."""

    key: str
    heading: str
    decimals: int
    more_is_better: bool = False

    def shown(self, value: float) -> str:
        """The value as the table prints it; ``-`` where there is none."""
        return "-" if math.isnan(value) else f"{value:.{self.decimals}f}"


@dataclass(frozen=True)
class Table:
    """Metrics of some methods over the same clips.

    ``rows`` is method -> column key -> mean over clips; ``clips`` is clip -> method -> column key -> value.
    NaN stands for a missing value and is excluded from means.
    """

    title: str
    columns: tuple[Column, ...]
    rows: dict[str, Row]
    clips: dict[str, dict[str, Row]]
    notes: tuple[str, ...] = ()

    def markdown(self) -> str:
        """The table as Markdown, padded so that it is also readable as plain text."""
        lines = [["method", *(column.heading for column in self.columns)]]
        lines += [
            [name, *(column.shown(row[column.key]) for column in self.columns)]
            for name, row in self.rows.items()
        ]
        widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
        written = ["| " + " | ".join(_padded(line, widths)) + " |" for line in lines]
        rule = "|" + "|".join(
            "-" * (width + 2) if i == 0 else "-" * (width + 1) + ":" for i, width in enumerate(widths)
        )
        return "\n".join([written[0], rule + "|", *written[1:]])

    def as_dict(self) -> dict[str, Any]:
        """Everything, for JSON: NaN becomes None, since JSON has no NaN."""
        return {
            "title": self.title,
            "columns": {column.key: column.heading for column in self.columns},
            "rows": {name: _without_nan(row) for name, row in self.rows.items()},
            "clips": {
                clip: {name: _without_nan(row) for name, row in methods.items()}
                for clip, methods in self.clips.items()
            },
            "notes": list(self.notes),
        }


def averaged(
    clips: Mapping[str, Mapping[str, Row]], columns: tuple[Column, ...], totals: frozenset[str] = frozenset()
) -> dict[str, Row]:
    """Mean over clips of each method's columns; the columns in ``totals`` are summed instead."""
    names = list(next(iter(clips.values()), {}))
    rows: dict[str, Row] = {}
    for name in names:
        values = {c.key: [clips[clip][name][c.key] for clip in clips] for c in columns}
        rows[name] = {key: sum(v) if key in totals else mean(v) for key, v in values.items()}
    return rows


def mean(values: Any) -> float:
    """Mean of the values that are not NaN; NaN if there are none."""
    array = np.asarray(values, dtype=np.float64)
    known = array[np.isfinite(array)]
    return float(known.mean()) if len(known) else float("nan")


def _padded(cells: list[str], widths: list[int]) -> list[str]:
    first, *rest = [(cell, width) for cell, width in zip(cells, widths, strict=True)]
    return [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)]


def _without_nan(row: Row) -> dict[str, float | None]:
    return {key: None if math.isnan(value) else round(value, 6) for key, value in row.items()}
