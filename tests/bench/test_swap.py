from __future__ import annotations

from pathlib import Path

from reenact.bench.swap import compare_swap, measure_swap_stations
from reenact.bench.whole import ID, write_template
from reenact.config import DEFAULT_MODEL
from reenact.engine import Engine
from reenact.gallery import get_template
from reenact.pipeline import animate


def test_a_swap_is_measured_step_by_step_and_beside_animate(
    engine: Engine, portrait_file: Path, tmp_path: Path
) -> None:
    write_template(tmp_path, DEFAULT_MODEL, 3)
    clip = tmp_path / "clip.mp4"
    animate(engine, portrait_file, get_template(ID, tmp_path, engine.model), clip)
    stations = measure_swap_stations(engine, portrait_file, clip, tmp_path)
    assert list(stations)[1:] == ["track", "subject", "render", "rebuild", "analyze", "lay", "encode video"]
    assert all(figures["wall_ms"] > 0 for figures in stations.values())
    found = compare_swap(engine, portrait_file, clip, tmp_path, rounds=1)
    ratio = found["swap"]["wall_ms"] / found["animate"]["wall_ms"]
    assert abs(found["times_of_animate"] - ratio) < 0.01
