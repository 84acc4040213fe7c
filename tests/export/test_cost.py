"""Costs that a person can count."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("onnx", reason="optional part missing: onnx")

import onnx
from onnx import TensorProto, helper

from reenact.export.cost import Cost, count


def saved(folder: Path, nodes: list[onnx.NodeProto], inputs: dict[str, list[int | str]]) -> Path:
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()]
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, None)
    model = helper.make_model(helper.make_graph(nodes, "g", values, [out]))
    onnx.save(model, str(folder / "graph.onnx"))
    return folder / "graph.onnx"


def test_a_convolution(tmp_path: Path) -> None:
    node = helper.make_node("Conv", ["x", "w"], ["out"], pads=[1, 1, 1, 1])
    path = saved(tmp_path, [node], {"x": ["batch", 3, 8, 8], "w": [5, 3, 3, 3]})
    values = 5 * 8 * 8
    moved = 4 * (3 * 64 + values) + 4 * 5 * 27 / 2  # the weights are read once for both frames
    assert count(path, {"batch": 2}) == Cost(2 * 27 * values, 0, moved)


def test_a_product_and_what_only_renames(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Flatten", ["x"], ["flat"]),
        helper.make_node("Gemm", ["flat", "w"], ["made"], transB=1),
        helper.make_node("Relu", ["made"], ["out"]),
    ]
    path = saved(tmp_path, nodes, {"x": [1, 2, 5], "w": [7, 10]})
    assert count(path, {}) == Cost(2 * 10 * 7, 7, 4 * (10 + 70 + 7) + 4 * 14)


def test_an_open_axis_needs_a_size(tmp_path: Path) -> None:
    path = saved(tmp_path, [helper.make_node("Relu", ["x"], ["out"])], {"x": ["side", 2]})
    with pytest.raises(KeyError, match="side"):
        count(path, {"batch": 1})
