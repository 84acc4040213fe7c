from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn import functional

from reenact.errors import WeightsBroken
from reenact.landmarks import COUNT
from reenact.training.cosine_identity_loss import DESCRIPTOR, CosineIdentityLoss
from reenact.training.tfjs import GraphModel

Array = NDArray[np.floating[Any]]


def node(name: str, operation: str, *inputs: str, **attributes: Any) -> dict[str, Any]:
    return {"name": name, "op": operation, "input": list(inputs), "attr": attributes}


def convolution(name: str, operation: str, inputs: list[str], stride: int) -> dict[str, Any]:
    return node(
        name,
        operation,
        *inputs,
        strides={"list": {"i": ["1", str(stride), str(stride), "1"]}},
        padding={"s": base64.b64encode(b"SAME").decode()},
    )


def write(folder: Path, constants: dict[str, Array], nodes: list[dict[str, Any]]) -> Path:
    """A model whose weights lie in two files, one of them in halves of a float."""
    manifest = []
    for place, (name, value) in enumerate(constants.items()):
        half = value.dtype == np.float16
        entry: dict[str, Any] = {"name": name, "shape": value.shape, "dtype": "float32"}
        entry |= {"quantization": {"dtype": "float16", "original_dtype": "float32"}} if half else {}
        (folder / f"{place}.bin").write_bytes(value.tobytes())
        manifest.append({"paths": [f"{place}.bin"], "weights": [entry]})
    kept = [{"name": name, "op": "Const"} for name in constants]
    model = {"modelTopology": {"node": [*nodes, *kept]}, "weightsManifest": manifest}
    (folder / "model.json").write_text(json.dumps(model))
    return folder / "model.json"


@pytest.fixture
def constants() -> dict[str, Array]:
    draw = np.random.default_rng(3)
    return {
        "filters": draw.normal(size=(3, 3, 3, 8)).astype(np.float32),
        "bias": draw.normal(size=8).astype(np.float32),
        "deep": draw.normal(size=(3, 3, 8, 1)).astype(np.float16),
        "scale": draw.normal(size=8).astype(np.float32),
        "six": np.array(6, np.float32),
    }


@pytest.fixture
def model(tmp_path: Path, constants: dict[str, Array]) -> Path:
    nodes = [
        node("last", "Minimum", "scaled", "six"),
        node("image", "Placeholder"),
        convolution("first", "Conv2D", ["image", "filters"], 2),
        node("biased", "Add", "first", "bias"),
        node("positive", "Relu", "biased"),
        convolution("second", "DepthwiseConv2dNative", ["positive", "deep"], 1),
        node("scaled", "Mul", "second", "scale"),
        node("unwanted", "Softmax", "last"),
    ]
    return write(tmp_path, constants, nodes)


def test_a_graph_compiles_as_one(model: Path) -> None:
    graph, image = GraphModel(model, "last"), torch.rand(2, 3, 10, 10)
    compiled = torch.compile(graph, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(image), graph(image))


def test_a_graph_gives_what_its_operations_mean(model: Path, constants: dict[str, Array]) -> None:
    filters, bias, deep, scale, _ = (torch.from_numpy(value).float() for value in constants.values())
    image = torch.rand(2, 3, 10, 10)
    # TensorFlow pads 10 pixels for a stride of 2 behind only.
    padded = functional.pad(image, (0, 1, 0, 1))
    first = functional.conv2d(padded, filters.permute(3, 2, 0, 1), bias, 2).relu()
    second = functional.conv2d(first, deep.permute(2, 3, 0, 1), padding=1, groups=8)
    expected = (second * scale.view(1, -1, 1, 1)).clamp(max=6)
    found = GraphModel(model, "last")(image)
    assert found.shape == (2, 8, 5, 5)
    torch.testing.assert_close(found, expected)


def test_what_it_cannot_run_is_told(model: Path) -> None:
    with pytest.raises(WeightsBroken, match="Softmax"):
        GraphModel(model, "unwanted")


def test_another_model_is_told(model: Path) -> None:
    with pytest.raises(WeightsBroken, match="not a TensorFlow"):
        CosineIdentityLoss(model)


@pytest.mark.parametrize("lost", ["1.bin", "model.json"])
def test_a_model_without_all_its_files_is_told(model: Path, lost: str) -> None:
    (model.parent / lost).unlink()
    with pytest.raises(WeightsBroken, match="not a TensorFlow"):
        GraphModel(model, "last")


def test_likeness_is_of_the_face(tmp_path: Path, constants: dict[str, Array]) -> None:
    nodes = [
        node("image", "Placeholder"),
        convolution("first", "Conv2D", ["image", "filters"], 2),
        node(DESCRIPTOR, "Relu", "first"),
    ]
    loss = CosineIdentityLoss(write(tmp_path, {"filters": constants["filters"]}, nodes))
    landmarks = torch.zeros(2, COUNT, 2)
    landmarks[:, 14:18, 0] = torch.tensor([-0.2, -0.1, 0.1, 0.2])  # corners of the eyes
    real = torch.rand(2, 3, 256, 256)
    assert loss(real, real, landmarks).item() == pytest.approx(0, abs=1e-5)
    outside, inside = real.clone(), real.clone()
    outside[..., :32] = 0
    inside[..., 112:144, 112:144] = 0
    inside.requires_grad_()
    assert loss(outside, real, landmarks).item() == pytest.approx(0, abs=1e-5)
    found = loss(inside, real, landmarks)
    assert found.item() > 1e-4
    found.backward()
    assert inside.grad is not None
    assert inside.grad[..., 112:144, 112:144].abs().sum() > 0
    assert inside.grad[..., :32].abs().sum() == 0
