"""The part for a GPU, as far as it goes without one: measured on the CPU, and the sums of the roofline."""

from __future__ import annotations

from pathlib import Path

import pytest

from reenact.bench import gpu
from reenact.bench.gpu import limits_of, measure_gpu, roofline
from reenact.cli import main
from reenact.config import DEFAULT_MODEL
from reenact.gallery import get_template, list_portraits
from reenact.runtime import ModelFolder, cuda


def test_every_graph_and_batch_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "BATCHES", (1, 2))
    motion = get_template("nod").motion
    found = measure_gpu(DEFAULT_MODEL, list_portraits()[0].path, motion, 3, device="cpu")
    graphs = [name for name, graph in gpu.GRAPHS.items() if ModelFolder(DEFAULT_MODEL).has(graph)]
    assert list(found) == graphs and "float32" in graphs
    assert all(list(batches) == ["1", "2"] for batches in found.values())
    assert all(each["frames_per_second"] > 0 for batches in found.values() for each in batches.values())


def test_the_floor_is_of_the_card_and_the_graph() -> None:
    pytest.importorskip("onnx", reason="optional part missing: onnx")
    graph = DEFAULT_MODEL / "animate.onnx"
    found = roofline(graph, 32, "NVIDIA A100-SXM4-80GB", 1000.0)
    assert 5 < found["gflop"] < 10
    assert found["floor_ms"] == pytest.approx(found["mbytes"] * 1e6 / 2.0e12 * 1e3, rel=0.01)
    assert found["reached"] == pytest.approx(found["floor_ms"], abs=0.001)  # at a millisecond a frame
    assert set(roofline(graph, 1, "An unknown card", 1.0)) == {"gflop", "mbytes"}


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("NVIDIA H100 80GB HBM3", "H100"),
        ("NVIDIA H100 PCIe", "H100 PCIe"),
        ("NVIDIA L40S", "L40S"),
        ("NVIDIA L4", "L4"),
        ("Tesla T4", "T4"),
    ],
)
def test_cards_are_known_by_the_driver_s_name(name: str, key: str) -> None:
    assert limits_of(name) == gpu.CARDS[key]


def test_no_card_is_taken_for_another() -> None:
    assert limits_of("NVIDIA L40") is None


@pytest.mark.skipif(not cuda.missing_requirement(), reason="CUDA is here")
def test_without_a_gpu_it_says_so_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--part", "gpu", "--out", str(tmp_path / "bench.json")]) == 0
    first, last = capsys.readouterr().out.splitlines()
    assert first == f"The GPU is left out. {cuda.missing_requirement()}"
    assert last == "Nothing was measured, and nothing written."
    assert not (tmp_path / "bench.json").exists()
