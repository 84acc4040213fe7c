"""vox-256 beside ours: a real process, and the sums made of what it answers."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec

import pytest

from reenact.bench import reference_model
from reenact.bench.cpu_time import Timing, measure_time
from reenact.bench.reference_model import MODULE, compare_with_reference, missing_packages


@pytest.mark.slow
@pytest.mark.skipif(find_spec("torch") is None, reason="optional part missing: torch")
def test_the_published_network_makes_frames_as_often_as_it_is_told() -> None:
    command = [sys.executable, "-m", MODULE, "--threads", "1"]
    ended = subprocess.run(command, input="eager 1\n", capture_output=True, text=True, check=True)
    spent = Timing(**json.loads(ended.stdout))
    assert spent.frames == 1
    assert spent.cpu > 0.05  # 100 GFLOP


def test_ratios_are_of_the_time_a_frame_round_by_round(monkeypatch: pytest.MonkeyPatch) -> None:
    # A process that answers as the rivals do, twice as slow in its third turn.
    code = (
        "import sys, json\\nfor i, line in enumerate(sys.stdin):\\n"
        " n = int(line.split()[1]); s = n * (2 if i > 3 else 1)\\n"
        " print(json.dumps(dict(wall=s, cpu=s, frames=n)), flush=True)"
    )
    monkeypatch.setattr(
        reference_model, "_command", lambda *_: [sys.executable, "-c", code.replace("\\n", "\n")]
    )
    found = compare_with_reference({"ours": lambda: Timing(1.0, 2.0, 10)}, 1, rounds=2, frames=5)
    ratios = found["times_as_fast"]["ours than eager"]
    assert ratios == {"wall": 15.0, "cpu": 7.5, "wall_rounds": [10, 20], "cpu_rounds": [5, 10]}
    assert set(found["times_as_fast"]) == {"ours than eager", "ours than graphs", "graphs than eager"}


def test_without_torch_the_rivals_are_named_as_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference_model, "NEEDED", ("json", "a_package_that_is_not_there"))
    assert missing_packages() == ["a_package_that_is_not_there"]


def test_time_is_told_by_the_frame() -> None:
    figures = measure_time(lambda: sum(range(200_000)), frames=4).figures
    assert figures["cpu_ms"] > 0
    assert figures["frames_per_second"] == pytest.approx(1000 / figures["wall_ms"], rel=0.05)
