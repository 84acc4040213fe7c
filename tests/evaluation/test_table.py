from __future__ import annotations

import json
import math

import pytest

from reenact.evaluation.table import Column, Table, averaged, mean

COLUMNS = (Column("l1", "L1", 3), Column("psnr", "PSNR", 1, more_is_better=True), Column("lost", "lost", 0))
CLIPS = {
    "one": {
        "ours": {"l1": 0.02, "psnr": 20.0, "lost": 1.0},
        "static": {"l1": 0.1, "psnr": 10.0, "lost": 0.0},
    },
    "two": {
        "ours": {"l1": 0.04, "psnr": math.nan, "lost": 2.0},
        "static": {"l1": 0.2, "psnr": 12.0, "lost": 0.0},
    },
}


@pytest.fixture
def table() -> Table:
    return Table("Figures", COLUMNS, averaged(CLIPS, COLUMNS, frozenset({"lost"})), CLIPS, ("a note",))


def test_rows_are_means_over_clips_without_nan(table: Table) -> None:
    assert table.rows["ours"] == pytest.approx({"l1": 0.03, "psnr": 20.0, "lost": 3.0})
    assert table.rows["static"] == pytest.approx({"l1": 0.15, "psnr": 11.0, "lost": 0.0})


def test_markdown_is_aligned(table: Table) -> None:
    lines = table.markdown().splitlines()
    assert lines[0] == "| method |    L1 | PSNR | lost |"
    assert lines[2] == "| ours   | 0.030 | 20.0 |    3 |"
    assert len({len(line) for line in lines}) == 1


def test_a_value_that_is_not_there_is_a_dash_and_null() -> None:
    table = Table("t", COLUMNS[:1], {"ours": {"l1": math.nan}}, {})
    assert table.markdown().splitlines()[2] == "| ours   |  - |"
    assert json.loads(json.dumps(table.as_dict(), allow_nan=False))["rows"]["ours"]["l1"] is None


def test_mean_of_nothing_is_nan() -> None:
    assert math.isnan(mean([math.nan]))
    assert mean([1, math.nan, 3]) == 2
