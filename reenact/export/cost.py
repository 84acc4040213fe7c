"""What a graph costs, counted from the graph: arithmetic and memory; for ``reenact bench --part gpu``.

``python -m reenact.export.cost GRAPH --batch 32`` prints JSON. Every node is taken to read its inputs and
write its outputs once, as on a GPU where each is a kernel; what only renames a shape is free. A cache or a
fused kernel does better, so the traffic is that of the graph, not a law of nature.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path

import onnx
from onnx import NodeProto, TensorProto, helper

RENAMES = {"Flatten", "Identity", "Reshape", "Shape", "Squeeze", "Unsqueeze"}
MOVES = {"Cast", "Concat", "DepthToSpace", "Expand", "Gather", "Slice", "Split", "Transpose", "Where"}
SAMPLED = 8  # FLOP of a bilinear sample, without computing its coordinates


@dataclass(frozen=True)
class Cost:
    """Per frame: ``matrix_flop`` of convolutions and matrix products, ``other_flop``, ``bytes`` moved."""

    matrix_flop: float
    other_flop: float
    bytes: float


@dataclass(frozen=True)
class _Tensor:
    shape: tuple[int, ...]
    item: int  # bytes of one value

    @property
    def size(self) -> int:
        return prod(self.shape)


def count(path: Path, sizes: Mapping[str, int]) -> Cost:
    """Cost per frame of a graph whose dynamic axes have these sizes; totals are divided by ``batch``.

    Raises:
        KeyError: a dynamic axis has no size.
    """
    model = onnx.load(str(path))
    for value in (*model.graph.input, *model.graph.output):
        for axis in value.type.tensor_type.shape.dim:
            if axis.dim_param:
                axis.dim_value = sizes[axis.dim_param]
    model.graph.ClearField("value_info")  # it may hold the dynamic axes
    graph = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True).graph
    tensors = {each.name: _tensor(tuple(each.dims), each.data_type) for each in graph.initializer}
    for value in (*graph.input, *graph.value_info, *graph.output):
        kind = value.type.tensor_type
        tensors[value.name] = _tensor(tuple(axis.dim_value for axis in kind.shape.dim), kind.elem_type)
    matrix = other = moved = 0
    for node in graph.node:
        if node.op_type in RENAMES:
            continue
        touched = [tensors[name] for name in (*node.input, *node.output) if name]
        moved += sum(tensor.size * tensor.item for tensor in touched)
        out = tensors[node.output[0]]
        if inner := _inner(node, tensors):
            matrix += 2 * inner * out.size
        elif node.op_type not in MOVES:
            other += out.size * (SAMPLED if node.op_type == "GridSample" else 1)
    frames = sizes.get("batch", 1)
    return Cost(matrix / frames, other / frames, moved / frames)


def _tensor(shape: tuple[int, ...], kind: int) -> _Tensor:
    item = 1 if kind == TensorProto.BOOL else helper.tensor_dtype_to_np_dtype(kind).itemsize
    return _Tensor(shape, item)


def _inner(node: NodeProto, tensors: Mapping[str, _Tensor]) -> int:
    """Products per output value of a convolution or matrix product; 0 for other nodes."""
    if node.op_type == "Conv":
        return prod(tensors[node.input[1]].shape[1:])
    if node.op_type in ("Gemm", "MatMul"):
        turned = next((each.i for each in node.attribute if each.name == "transA"), 0)
        return tensors[node.input[0]].shape[-2 if turned else -1]
    return 0


def main() -> int:
    """Print the cost of one graph; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m reenact.export.cost", description=__doc__)
    parser.add_argument("graph", type=Path)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--side", type=int, default=512, help="of the result, for compose")
    arguments = parser.parse_args()
    cost = count(arguments.graph, {"batch": arguments.batch, "side": arguments.side})
    sys.stdout.write(json.dumps(asdict(cost)) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
