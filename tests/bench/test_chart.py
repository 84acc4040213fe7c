from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from reenact.bench.chart import NAMES, write_chart

MACHINE = {"processor": "A <fast> one", "threads": 2, "cores": 2, "graph": "animate", "load": [9.0, 1.0, 1.0]}
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def figures() -> dict[str, Any]:
    rounds = {
        name: [{"frames_per_second": 2.0}, {"frames_per_second": 1.0 + index}]
        for index, name in enumerate(NAMES)
    }
    stations = {"256": {"read": {"cpu_ms": 9.0}, "paste": {"cpu_ms": 1.0}, "motion": {"cpu_ms": 4.0}}}
    return {"machine": MACHINE, "rivals": {"rounds": rounds}, "stations": stations}


def test_bars_are_as_long_as_the_figures(tmp_path: Path, figures: dict[str, Any]) -> None:
    write_chart(figures, tmp_path / "bench.svg")
    drawing = ElementTree.parse(tmp_path / "bench.svg").getroot()
    lengths = [float(bar.attrib["width"]) for bar in drawing.iter(f"{SVG}rect")][1:]
    assert lengths == [210, 210, 315, 420, 105, 420]  # the best of the rounds; what is done once is left out
    said = [text.text or "" for text in drawing.iter(f"{SVG}text")]
    assert "A <fast> one" in said[-1] and "others used the machine too" in said[-1]


def test_nothing_is_drawn_of_nothing(tmp_path: Path) -> None:
    write_chart({"machine": MACHINE, "whole": {}}, tmp_path / "bench.svg")
    assert not (tmp_path / "bench.svg").exists()
