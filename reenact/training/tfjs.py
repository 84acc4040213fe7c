"""A TensorFlow.js graph model as a torch module, for frozen networks in a loss.

Supports the operations of feed-forward convolutional networks only. TensorFlow stores channels last, torch
second: one-dimensional constants are per channel and are reshaped to fit.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from reenact.errors import WeightsBroken
from reenact.os_errors import reason

Node = dict[str, Any]
_SIMPLE: dict[str, Callable[..., Tensor]] = {
    "Add": torch.add,
    "Mul": torch.mul,
    "Maximum": torch.maximum,
    "Minimum": torch.minimum,
    "Relu": torch.relu,
}
_CONVOLUTIONS = {"Conv2D", "DepthwiseConv2dNative"}


class GraphModel(nn.Module):
    """Runs such a graph from its placeholder to the output node."""

    def __init__(self, path: Path, output: str) -> None:
        """``path`` is ``model.json``, its weights beside it; ``output`` names the last node to compute.

        Raises:
            WeightsBroken: the file is not such a model, a weight is missing, or an operation is unknown.
        """
        super().__init__()
        try:
            model = json.loads(path.read_text())
            weights = _read_weights(model["weightsManifest"], path.parent)
            nodes = {node["name"]: node for node in model["modelTopology"]["node"]}
            self.steps = [_parsed(node) for node in _needed(nodes, output)]
            constants = {
                step["name"]: _as_torch(weights[step["name"]]) for step in self.steps if step["op"] == "Const"
            }
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise WeightsBroken(f"{path} is not a TensorFlow.js graph model: {reason(error)}.") from error
        unknown = {step["op"] for step in self.steps} - _CONVOLUTIONS - {*_SIMPLE, "Const", "Placeholder"}
        if unknown:
            raise WeightsBroken(f"{path} has operations that are not known here: {', '.join(unknown)}.")
        self.places = {name: f"constant_{place}" for place, name in enumerate(constants)}  # names have dots
        for name, constant in constants.items():
            self.register_buffer(self.places[name], constant)
        self.output = output

    def forward(self, image: Tensor) -> Tensor:
        """(B, C, H, W) -> result of the output node."""
        found: dict[str, Tensor] = {}
        for step in self.steps:
            inputs = [found[name] for name in step.get("input", ())]
            found[step["name"]] = self._run(step, inputs, image)
        return found[self.output]

    def _run(self, step: Node, inputs: list[Tensor], image: Tensor) -> Tensor:
        operation = step["op"]
        if operation == "Placeholder":
            return image
        if operation == "Const":
            constant: Tensor = getattr(self, self.places[step["name"]])
            return constant
        if operation in _CONVOLUTIONS:
            return _convolve(step, *inputs)
        return _SIMPLE[operation](*(value.to(inputs[0].dtype) for value in inputs))


def _needed(nodes: dict[str, Node], output: str) -> list[Node]:
    """``output`` and the nodes it depends on, each after its inputs."""
    order: dict[str, Node] = {}

    def visit(name: str) -> None:
        if name not in order:
            for before in nodes[name].get("input", ()):
                visit(before)
            order[name] = nodes[name]

    visit(output)
    return list(order.values())


def _parsed(node: Node) -> Node:
    """A convolution with its attributes parsed once, not at every run."""
    if node["op"] not in _CONVOLUTIONS:
        return node
    attributes = node["attr"]
    strides = [int(side) for side in attributes["strides"]["list"]["i"][1:3]]
    return {**node, "strides": strides, "same": base64.b64decode(attributes["padding"]["s"]) == b"SAME"}


def _read_weights(manifest: list[Node], folder: Path) -> dict[str, np.ndarray[Any, Any]]:
    found = {}
    for group in manifest:
        data, place = b"".join((folder / name).read_bytes() for name in group["paths"]), 0
        for entry in group["weights"]:
            kind = np.dtype(entry.get("quantization", entry)["dtype"])
            count = prod(entry["shape"])
            found[entry["name"]] = np.frombuffer(data, kind, count, place).reshape(entry["shape"])
            place += count * kind.itemsize
    return found


def _as_torch(constant: np.ndarray[Any, Any]) -> Tensor:
    """Filters (H, W, in, out) as (out, in, H, W), channels (C,) as (1, C, 1, 1)."""
    tensor = torch.from_numpy(constant.astype(np.float32))
    if tensor.ndim == 4:
        return tensor.permute(3, 2, 0, 1).contiguous()
    return tensor.view(1, -1, 1, 1) if tensor.ndim == 1 else tensor


def _convolve(step: Node, x: Tensor, filters: Tensor) -> Tensor:
    groups = 1
    if "Depthwise" in step["op"]:  # (multiplier, channels, H, W) after ``_as_torch``
        filters, groups = filters.transpose(0, 1), filters.shape[1]
    if step["same"]:
        x = _padded(x, filters.shape[2:], step["strides"])
    return functional.conv2d(x, filters, None, step["strides"], groups=groups)


def _padded(x: Tensor, sides: torch.Size, strides: list[int]) -> Tensor:
    """(B, C, H, W) zero-padded as by TensorFlow's SAME: an odd total puts the extra zero at the end."""
    around: list[int] = []
    for size, side, stride in zip(x.shape[2:], sides, strides, strict=True):
        extra = max((-(-size // stride) - 1) * stride + side - size, 0)
        around = [extra // 2, extra - extra // 2, *around]
    return functional.pad(x, around)
