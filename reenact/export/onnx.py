"""Writing the graphs and checking that ONNX Runtime computes the same as torch."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import ModelProto, TensorProto, helper, numpy_helper
from onnxruntime.capi.onnxruntime_pybind11_state import InvalidArgument
from torch import Tensor, nn

from reenact.errors import WeightsBroken
from reenact.export.example_inputs import example_inputs
from reenact.export.graphs import graphs_of
from reenact.layers.gather import gather
from reenact.layers.geometry import Sampler, sampled_by
from reenact.runtime.weights import write_hashes
from reenact.training.checkpoint import Model

OPSET = 20
BATCH = "batch"
SIDE = "side"
LARGE = 1024  # least values of a tensor for which an additional Cast node is worthwhile


@dataclass(frozen=True)
class Signature:
    """Names of a graph's tensors; ``dynamic`` maps an input to the names of its dynamic axes."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    dynamic: dict[str, dict[int, str]]


@dataclass(frozen=True)
class Graph:
    """The module of one ONNX file, and how to export it."""

    module: nn.Module
    signature: Signature
    traced: tuple[Tensor, ...]  # inputs for tracing
    checked: tuple[Tensor, ...]  # inputs of other sizes, for the comparison of file and module
    sampler: Sampler = gather  # how it samples for warps
    light: bool = False  # whether large weights are stored as float16


_SOURCE = ("source", "fine", "coarse", "source_points", "source_jacobians", "source_landmarks")
_PARTED = ("rest", "kept", "flow")
_DRIVING = ("points", "jacobians", "landmarks")
SIGNATURES = {
    "keypoints": Signature(("picture",), ("points", "jacobians"), {"picture": {0: BATCH}}),
    "encode": Signature(("source",), ("fine", "coarse"), {}),
    "animate": Signature(_SOURCE + _DRIVING, ("picture", *_PARTED), {name: {0: BATCH} for name in _DRIVING}),
    "compose": Signature(
        ("source", *_PARTED),
        ("composed",),
        {"source": {1: SIDE, 2: SIDE}} | {name: {0: BATCH} for name in _PARTED},
    ),
}
Tolerance = Mapping["np.dtype[Any]", float]
# Largest difference allowed between torch and ONNX Runtime: in grey levels for pictures, else relative to the
# tensor's largest value or to 1, whichever is greater.
TOLERANCE: Tolerance = {np.dtype(np.uint8): 1.0, np.dtype(np.float32): 2e-3}
ROUNDED: Tolerance = {np.dtype(np.uint8): 3.0, np.dtype(np.float32): 1e-2}  # once weights are float16


def export_model(model: Model, folder: Path) -> dict[str, float]:
    """Write ``keypoints``, ``encode``, ``animate`` and ``compose`` and the list of their hashes.

    Args:
        model: float32 on the CPU.
        folder: gets the ``.onnx`` files and ``files.json``.

    Returns:
        The largest difference from torch for each graph.

    Raises:
        WeightsBroken: a graph differs from torch by more than the tolerance.
    """
    return write_graphs(
        {name: _graph(model, name, module) for name, module in graphs_of(model).items()}, folder
    )


def animate_graph(model: Model) -> Graph:
    """The definition of ``animate``, also used for its variants in lower precision."""
    return _graph(model, "animate", graphs_of(model)["animate"])


def _graph(model: Model, name: str, module: nn.Module) -> Graph:
    return Graph(
        module,
        SIGNATURES[name],
        example_inputs(model, name, batch=2, side=384),
        example_inputs(model, name, batch=3, side=512),
        # Stored motions refer to their keypoint graph by hash, which must not change without need.
        light=name != "keypoints",
    )


def write_graphs(graphs: Mapping[str, Graph], folder: Path) -> dict[str, float]:
    """Write graphs by file name and the list of their hashes; returns the largest difference for each.

    Raises:
        WeightsBroken: a graph differs from torch by more than the tolerance.
    """
    folder.mkdir(parents=True, exist_ok=True)
    differences = {name: write_graph(graph, folder / f"{name}.onnx") for name, graph in graphs.items()}
    write_hashes(folder)
    return differences


def write_graph(graph: Graph, path: Path) -> float:
    """Write one graph; returns the largest difference from torch, raises WeightsBroken as above."""
    with sampled_by(graph.sampler):
        _write(graph.module, path, graph.signature, graph.traced)
    difference = check_parity(graph.module, path, graph.checked)
    if graph.light:
        path.write_bytes(store_weights_as_float16(onnx.load(str(path))).SerializeToString(deterministic=True))
        check_parity(graph.module, path, graph.checked, ROUNDED)
    return difference


def check_parity(
    module: nn.Module, path: Path, inputs: tuple[Tensor, ...], tolerance: Tolerance = TOLERANCE
) -> float:
    """Largest difference between the torch module and the file on these inputs.

    Raises:
        WeightsBroken: the difference is above the tolerance.
    """
    with torch.no_grad():
        result = module(*inputs)
    expected = [value.numpy() for value in (result if isinstance(result, tuple) else (result,))]
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [tensor.name for tensor in session.get_inputs()]
    try:
        found = session.run(None, dict(zip(names, (value.numpy() for value in inputs), strict=True)))
    except InvalidArgument as e:  # weights that are not finite give coordinates outside every picture
        raise WeightsBroken(f"{path.name} differs from torch: it cannot be computed.") from e
    worst = 0.0
    for want, got in zip(expected, found, strict=True):
        if want.shape != got.shape:
            raise WeightsBroken(f"{path.name} gives {got.shape} where torch gives {want.shape}.")
        scale = 1.0 if want.dtype == np.uint8 else max(1.0, float(np.abs(want).max()))
        difference = float(np.abs(want.astype(np.float64) - got.astype(np.float64)).max()) / scale
        if not difference <= tolerance[want.dtype]:  # also true for NaN
            raise WeightsBroken(f"{path.name} differs from torch by {difference:.2g}.")
        worst = max(worst, difference)
    return worst


def _write(module: nn.Module, path: Path, signature: Signature, inputs: tuple[Tensor, ...]) -> None:
    axes = {name: torch.export.Dim(name) for name in (BATCH, SIDE)}
    shapes = tuple(
        {axis: axes[label] for axis, label in signature.dynamic.get(name, {}).items()}
        for name in signature.inputs
    )
    with warnings.catch_warnings():
        # Two axes with one name are equal on purpose; torch warns about each.
        warnings.filterwarnings("ignore", "# The axis name", UserWarning)
        torch.onnx.export(
            module,
            inputs,
            str(path),
            input_names=list(signature.inputs),
            output_names=list(signature.outputs),
            opset_version=OPSET,
            dynamo=True,
            dynamic_shapes=shapes,
            external_data=False,
            verbose=False,
        )
    strip_metadata(path)


def store_weights_as_float16(model: ModelProto) -> ModelProto:
    """The model with large weights stored as float16, each cast back once, when the graph is opened.

    They were float16 before batch norm was folded into them. The rounding error of that product is smaller
    than the error of a variant in lower precision; ``write_graph`` checks it.
    """
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT and prod(tensor.dims) >= LARGE:
            name, stored = tensor.name, f"{tensor.name}_stored"
            with np.errstate(over="ignore"):  # overflow gives infinity, which ``write_graph`` detects
                half = numpy_helper.to_array(tensor).astype(np.float16)
            tensor.CopyFrom(numpy_helper.from_array(half, stored))
            casts.append(helper.make_node("Cast", [stored], [name], f"{name}_cast", to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def strip_metadata(path: Path) -> None:
    """Remove torch's metadata from each node, for instance paths of this machine."""
    model = onnx.load(str(path))
    graph = model.graph
    for each in (
        model,
        graph,
        *graph.node,
        *graph.value_info,
        *graph.input,
        *graph.output,
        *graph.initializer,
    ):
        del each.metadata_props[:]
        each.doc_string = ""
    path.write_bytes(model.SerializeToString(deterministic=True))
