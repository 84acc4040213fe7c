from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from reenact.config import FACE_MODEL
from reenact.engine import Engine
from reenact.errors import ProviderUnavailable, WeightsBroken
from reenact.runtime import Session, available_cores

IRIS = FACE_MODEL / "iris.onnx"
HAS_CUDA = "CUDAExecutionProvider" in onnxruntime.get_available_providers()


@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_a_graph_is_called_by_the_names_of_its_inputs(device: str) -> None:
    session = Session(IRIS, device=device, threads=1)
    assert session.inputs == ["input_1"]
    result = session(input_1=np.zeros((1, 3, 64, 64), np.float32))
    assert [value.size for value in result] == [71 * 3, 5 * 3]
    assert len(session.outputs) == 2


def test_the_cpu_is_taken_when_asked_for() -> None:
    assert Session(IRIS, device="cpu").provider == "CPUExecutionProvider"


@pytest.mark.skipif(HAS_CUDA, reason="this ONNX Runtime has CUDA")
def test_cuda_that_is_not_there_is_refused_with_what_to_install() -> None:
    with pytest.raises(ProviderUnavailable, match=r"reenact\[gpu\]"):
        Session(IRIS, device="cuda")
    with pytest.raises(ProviderUnavailable):
        Engine(device="cuda")


@pytest.mark.gpu
@pytest.mark.skipif(not HAS_CUDA, reason="this ONNX Runtime has no CUDA")
def test_cuda_really_runs() -> None:
    session, reference = Session(IRIS, device="cuda"), Session(IRIS, device="cpu")
    assert session.provider == "CUDAExecutionProvider"
    eye = np.random.default_rng(0).random((1, 3, 64, 64), np.float32)
    for found, expected in zip(session(input_1=eye), reference(input_1=eye), strict=True):
        np.testing.assert_allclose(found, expected, atol=0.1)


@pytest.mark.parametrize("content", [None, b"", b"no graph", b"\x08\x07" * 100])
def test_a_file_that_is_no_graph_is_broken(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "encode.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WeightsBroken, match=r"encode\.onnx"):
        Session(path, device="cpu")


def test_a_cut_off_graph_is_broken(tmp_path: Path) -> None:
    path = tmp_path / "iris.onnx"
    path.write_bytes(IRIS.read_bytes()[:100_000])
    with pytest.raises(WeightsBroken):
        Session(path)


def test_cores_are_those_this_process_may_use() -> None:
    assert 1 <= available_cores() <= (os.cpu_count() or 1)
