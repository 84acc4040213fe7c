from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from reenact.config import DEFAULT_MODEL, FACE_MODEL
from reenact.errors import WeightsBroken
from reenact.runtime import ModelFolder
from reenact.runtime.weights import write_hashes

GRAPH = b"not really a graph"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "encode.onnx").write_bytes(GRAPH)
    (tmp_path / "notes.txt").write_text("not listed")
    write_hashes(tmp_path)
    return tmp_path


def test_hashes_are_those_of_the_graphs(folder: Path) -> None:
    assert json.loads((folder / "files.json").read_text()) == {"encode.onnx": sha256(GRAPH).hexdigest()}


def test_a_whole_file_is_handed_out(folder: Path) -> None:
    model = ModelFolder(folder)
    assert model.path("encode") == folder / "encode.onnx"
    assert model.hash("encode") == sha256(GRAPH).hexdigest()


@pytest.mark.parametrize(
    ("model", "names"),
    [
        (DEFAULT_MODEL, ("keypoints", "encode", "animate", "compose")),
        (FACE_MODEL, ("face_detector", "face_mesh", "face", "eye", "lips")),
    ],
    ids=["default", "faces"],
)
def test_the_shipped_models_are_whole(model: Path, names: tuple[str, ...]) -> None:
    folder = ModelFolder(model)
    assert all(folder.path(name).is_file() for name in names)


def change_one_byte(folder: Path) -> None:
    data = bytearray(GRAPH)
    data[3] ^= 1
    (folder / "encode.onnx").write_bytes(data)


def cut_off(folder: Path) -> None:
    (folder / "encode.onnx").write_bytes(GRAPH[:-1])


def remove(folder: Path) -> None:
    (folder / "encode.onnx").unlink()


def forget(folder: Path) -> None:
    (folder / "files.json").write_text("{}")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (change_one_byte, "SHA-256"),
        (cut_off, "SHA-256"),
        (remove, "has no encode.onnx"),
        (forget, "has no encode.onnx"),
    ],
)
def test_a_broken_graph_is_not_handed_out(folder: Path, spoil: Callable[[Path], None], says: str) -> None:
    spoil(folder)
    with pytest.raises(WeightsBroken, match=says):
        ModelFolder(folder).path("encode")


@pytest.mark.parametrize("content", [None, b"", b"{", b"[1, 2]", b"5", b"\xff\xfe"])
def test_a_folder_without_its_list_is_no_model(folder: Path, content: bytes | None) -> None:
    (folder / "files.json").unlink()
    if content is not None:
        (folder / "files.json").write_bytes(content)
    with pytest.raises(WeightsBroken, match=r"files\.json"):
        ModelFolder(folder)
