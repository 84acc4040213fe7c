from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from reenact.config import DEFAULT_MODEL, FACE_MODEL
from reenact.engine import Engine
from reenact.errors import InvalidOption, ProviderUnavailable, WeightsBroken
from reenact.runtime import Session, available_cores, cuda

MESH = FACE_MODEL / "face_mesh.onnx"
HAS_CUDA = "CUDAExecutionProvider" in onnxruntime.get_available_providers()


@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_a_graph_is_called_by_the_names_of_its_inputs(device: str) -> None:
    session = Session(MESH, device=device, threads=1)
    assert session.inputs == ["input_1"]
    result = session(input_1=np.zeros((1, 3, 192, 192), np.float32))
    assert [value.size for value in result] == [468 * 3, 1]
    assert len(session.outputs) == 2


def test_the_cpu_is_taken_when_asked_for() -> None:
    assert Session(MESH, device="cpu").provider == "CPUExecutionProvider"


@pytest.mark.skipif(HAS_CUDA, reason="this ONNX Runtime has CUDA")
def test_cuda_that_is_not_there_is_refused_with_what_to_install() -> None:
    with pytest.raises(ProviderUnavailable, match=r"reenact\[gpu\]"):
        Session(MESH, device="cuda")
    with pytest.raises(ProviderUnavailable):
        Engine(device="cuda")
    with pytest.raises(ProviderUnavailable, match=r"reenact\[gpu\]"):
        Engine(require_gpu=True)


def test_a_gpu_cannot_be_required_on_the_cpu() -> None:
    with pytest.raises(InvalidOption, match="device is cpu"):
        Engine(device="cpu", require_gpu=True)


@pytest.mark.gpu
@pytest.mark.skipif(not HAS_CUDA, reason="this ONNX Runtime has no CUDA")
def test_cuda_really_runs() -> None:
    session, reference = Session(MESH, device="cuda"), Session(MESH, device="cpu")
    assert session.provider == "CUDAExecutionProvider"
    picture = np.random.default_rng(0).random((1, 3, 192, 192), np.float32)
    for found, expected in zip(session(input_1=picture), reference(input_1=picture), strict=True):
        np.testing.assert_allclose(found, expected, atol=0.1)


@pytest.mark.parametrize("content", [None, b"", b"no graph", b"\x08\x07" * 100])
def test_a_file_that_is_no_graph_is_broken(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "encode.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WeightsBroken, match=r"encode\.onnx"):
        Session(path, device="cpu")


def test_a_cut_off_graph_is_broken(tmp_path: Path) -> None:
    path = tmp_path / "face_mesh.onnx"
    path.write_bytes(MESH.read_bytes()[:100_000])
    with pytest.raises(WeightsBroken):
        Session(path)


def test_cores_are_those_this_process_may_use() -> None:
    assert 1 <= available_cores() <= (os.cpu_count() or 1)


def test_results_that_are_kept_are_those_that_are_fetched() -> None:
    session = Session(MESH, device="cpu", threads=1)
    picture = np.random.default_rng(0).random((1, 3, 192, 192), np.float32)
    fetched = session(input_1=picture)
    kept = session.run_on_device(input_1=session.to_device(picture))
    assert [value.shape() for value in kept] == [list(value.shape) for value in fetched]
    for found, expected in zip(kept, fetched, strict=True):
        np.testing.assert_array_equal(found.numpy(), expected)


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("keypoints", {"batch": 1}),
        ("encode", {}),
        ("animate", {"batch": 32}),
        ("compose", {"batch": 32, "side": 512}),
    ],
)
def test_with_sizes_fixed_no_shape_is_computed_any_more(name: str, sizes: dict[str, int]) -> None:
    """ONNX Runtime puts such nodes on the CPU whatever the device, so a graph wholly on a GPU has none."""
    session = Session(DEFAULT_MODEL / f"{name}.onnx", device="cpu", sizes=sizes, require_one_provider=True)
    nodes = session.nodes_on_other_providers(cuda.PROVIDER)
    assert len(nodes) > 10
    assert not [node for node in nodes if "(Shape)" in node]


def test_with_sizes_open_there_are_some() -> None:
    session = Session(DEFAULT_MODEL / "animate.onnx", device="cpu", require_one_provider=True)
    assert [node for node in session.nodes_on_other_providers(cuda.PROVIDER) if "(Shape)" in node]


def test_a_node_elsewhere_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    nodes_on_other_providers = Session.nodes_on_other_providers
    assert (
        Session(
            DEFAULT_MODEL / "encode.onnx", device="cpu", require_one_provider=True
        ).nodes_on_other_providers("CPUExecutionProvider")
        == []
    )
    monkeypatch.setattr(
        Session,
        "nodes_on_other_providers",
        lambda self, provider: nodes_on_other_providers(self, cuda.PROVIDER),
    )
    with pytest.raises(ProviderUnavailable, match=r"\(Transpose\) on CPUExecutionProvider, .* more\."):
        Session(DEFAULT_MODEL / "encode.onnx", device="cpu", require_one_provider=True)


def test_the_runtime_reports_to_nobody(tmp_path: Path) -> None:
    """With its telemetry on, it leaves a file with the number of its session where temporary files lie."""
    code = "import reenact.runtime, onnxruntime; onnxruntime.InferenceSession({!r})"
    graph = str(FACE_MODEL / "face_detector.onnx")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ORT_")}
    subprocess.run(
        [sys.executable, "-c", code.format(graph)],
        env=environment | {"TMPDIR": str(tmp_path), "HOME": str(tmp_path)},
        check=True,
        timeout=60,
    )
    assert list(tmp_path.rglob("*")) == []
