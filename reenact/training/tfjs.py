"""A TensorFlow.js graph model as a torch module: for frozen networks that a loss asks.

Only what feed-forward convolutional networks need. TensorFlow keeps channels last, torch second: constants of
one axis are channels and are shaped to fit.
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
from reenact.reasons import reason

Node = dict[str, Any]
_SIMPLE: dict[str, Callable[..., Tensor]] = {
    "Add": torch.add,
    "AddV2": torch.add,
    "Sub": torch.sub,
    "Mul": torch.mul,
    "Maximum": torch.maximum,
    "Minimum": torch.minimum,
    "Abs": torch.abs,
    "Relu": torch.relu,
}
_CONVOLUTIONS = {"Conv2D", "_FusedConv2D", "DepthwiseConv2dNative", "FusedDepthwiseConv2dNative"}


class GraphModel(nn.Module):
    """Runs such a graph from its placeholder to the node asked for."""

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
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise WeightsBroken(f"{path} is not a TensorFlow.js graph model: {reason(error)}.") from error
        self.steps = _needed(nodes, output)
        unknown = {step["op"] for step in self.steps} - _CONVOLUTIONS - {*_SIMPLE, "Const", "Placeholder"}
        if unknown:
            raise WeightsBroken(f"{path} has operations that are not known here: {', '.join(unknown)}.")
        self.constants = {}
        for place, step in enumerate(self.steps):
            if step["op"] == "Const":
                self.register_buffer(f"constant_{place}", _as_torch(weights[step["name"]]))
                self.constants[step["name"]] = f"constant_{place}"
        self.output = output

    def forward(self, image: Tensor) -> Tensor:
        """(B, C, H, W) -> what the output node gives."""
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
            constant: Tensor = getattr(self, self.constants[step["name"]])
            return constant
        if operation in _CONVOLUTIONS:
            return _convolve(step, *inputs)
        return _SIMPLE[operation](*(value.to(inputs[0].dtype) for value in inputs))


def _needed(nodes: dict[str, Node], output: str) -> list[Node]:
    """The nodes that ``output`` depends on and itself, each after its inputs."""
    order: dict[str, Node] = {}

    def visit(name: str) -> None:
        if name not in order:
            for before in nodes[name].get("input", ()):
                visit(before)
            order[name] = nodes[name]

    visit(output)
    return list(order.values())


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


def _convolve(step: Node, x: Tensor, filters: Tensor, bias: Tensor | None = None) -> Tensor:
    """A convolution, with the bias and the ReLU that may be fused to it."""
    attributes = step["attr"]
    groups = 1
    if "Depthwise" in step["op"]:  # (multiplier, channels, H, W), as ``_as_torch`` turned it
        filters, groups = filters.transpose(0, 1), filters.shape[1]
    strides = [int(side) for side in attributes["strides"]["list"]["i"][1:3]]
    if _text(attributes["padding"]["s"]) == "SAME":
        x = _padded(x, filters.shape[2:], strides)
    y = functional.conv2d(x, filters, None if bias is None else bias.flatten(), strides, groups=groups)
    fused = [_text(name) for name in attributes.get("fused_ops", {}).get("list", {}).get("s", ())]
    return torch.relu(y) if "Relu" in fused else y


def _padded(x: Tensor, sides: torch.Size, strides: list[int]) -> Tensor:
    """Zeros around (B, C, H, W) as TensorFlow's SAME adds them: where they are odd, the more behind."""
    around: list[int] = []
    for size, side, stride in zip(x.shape[2:], sides, strides, strict=True):
        extra = max((-(-size // stride) - 1) * stride + side - size, 0)
        around = [extra // 2, extra - extra // 2, *around]
    return functional.pad(x, around)


def _text(coded: str) -> str:
    return base64.b64decode(coded).decode()
