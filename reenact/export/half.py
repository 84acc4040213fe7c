"""``animate`` for a GPU: convolutions in float16, coordinates in float32.

A float16 has a significand of 11 bits: as a coordinate its error would be up to a thirtieth of a pixel at
256, at every step. So inputs and outputs of convolutions are float16. Everything between keypoints and a
sampled pixel stays float32: poses, heat maps, the mixture of motions, the flow, and the sampling, for which
CUDA has only a float32 kernel. Sampling is one operator here (GridSample), not the gathers of the graphs for
a CPU, of which each would be a kernel.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import onnx
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

from reenact.export.onnx import animate_graph, strip_metadata, write_graph
from reenact.export.variant_parity import Feed, PrecisionLoss, compare
from reenact.layers.geometry import grid_sample
from reenact.training.checkpoint import Model

NAME = "animate_fp16"
LEAST_PSNR = 50.0  # dB against float32, over the frames; a graph below that is not kept
# Operators between two convolutions that may be float16 too; a Resize's other inputs are sizes and scales.
BETWEEN = {"Add", "AveragePool", "BatchNormalization", "Concat", "Mul", "Relu", "Resize"}


def write_half(model: Model, folder: Path, judged: list[Feed]) -> PrecisionLoss:
    """Write ``animate_fp16.onnx`` beside the graphs of a model, unless its PSNR is too low.

    Args:
        model: the source of the graphs.
        folder: has ``animate.onnx``; the caller lists the new file in ``files.json``.
        judged: inputs for the comparison of both graphs.
    """
    path = folder / f"{NAME}.onnx"
    with tempfile.TemporaryDirectory() as name:
        sampling = Path(name) / "animate.onnx"
        write_graph(replace(animate_graph(model), sampler=grid_sample, light=False), sampling)
        path.write_bytes(to_float16(onnx.load(str(sampling))).SerializeToString(deterministic=True))
    strip_metadata(path)
    loss = compare(folder / "animate.onnx", path, judged)
    if loss.psnr < LEAST_PSNR:
        path.unlink()
    return loss


def to_float16(model: ModelProto) -> ModelProto:
    """The model with its convolutions, and the nodes that lie only between them, in float16.

    Inputs and outputs keep their types.
    """
    graph = model.graph
    half = _between_convolutions(graph)
    del graph.value_info[:]  # their types change
    weights = {tensor.name: tensor for tensor in graph.initializer}
    given = {name for node in graph.node if node.name in half for name in node.output}
    nodes: list[NodeProto] = []
    cast: dict[tuple[str, int], str] = {}

    def as_type(name: str, kind: int) -> str:
        """The name of a tensor cast to another type; the cast is added once, at its first use."""
        if (name, kind) not in cast:
            cast[name, kind] = f"{name}_{'half' if kind == TensorProto.FLOAT16 else 'single'}"
            if name in weights:
                array = numpy_helper.to_array(weights[name]).astype("float16")
                graph.initializer.append(numpy_helper.from_array(array, cast[name, kind]))
            else:
                nodes.append(helper.make_node("Cast", [name], [cast[name, kind]], cast[name, kind], to=kind))
        return cast[name, kind]

    for node in graph.node:
        wanted = TensorProto.FLOAT16 if node.name in half else TensorProto.FLOAT
        for index, name in enumerate(node.input):
            shown = name and (index == 0 or node.op_type != "Resize")
            if shown and (name in given) != (node.name in half):
                node.input[index] = as_type(name, wanted)
        nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
    used = {name for node in nodes for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    return model


def _between_convolutions(graph: GraphProto) -> set[str]:
    """Names of all convolutions, and of nodes that a convolution feeds and that feed another."""
    makers = {name: node for node in graph.node for name in node.output}
    after: set[str] = set()
    before: set[str] = set()
    for node in graph.node:  # in order of computation
        fed = any(name in makers and makers[name].name in after for name in node.input)
        if node.op_type == "Conv" or (fed and node.op_type in BETWEEN):
            after.add(node.name)
    for node in reversed(graph.node):
        if node.op_type == "Conv" or (node.name in before and node.op_type in BETWEEN):
            before.update(makers[name].name for name in node.input if name in makers)
    convolutions = {node.name for node in graph.node if node.op_type == "Conv"}
    return convolutions | (after & before)
