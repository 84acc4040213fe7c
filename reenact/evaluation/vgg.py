"""VGG-19 up to relu4_1 as a judge of texture, run by onnxruntime.

Simonyan, Zisserman, "Very Deep Convolutional Networks", 2015; taps relu1_1, relu2_1, relu3_1 and relu4_1.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reenact.errors import SetupError
from reenact.evaluation.extras import load
from reenact.evaluation.judges import digest
from reenact.evaluation.metrics import unit_length, vgg_distance
from reenact.types import FloatArray, Picture

BLOCKS = ((1, 2), (2, 2), (3, 4), (4, 1))  # block, number of convolutions used; the first of each is a tap
MEAN_BGR = np.array([103.939, 116.779, 123.68], np.float32)  # of ImageNet, in 0..255
REMEMBERED = 4  # pictures whose taps are kept: 31 MB each at 256x256


class VggJudge:
    """VGG distance of two pictures; see ``metrics.vgg_distance``.

    ``weights`` is an npz in Keras' layout: ``block1_conv1/kernel`` (3, 3, in, out) and ``.../bias`` (out,).

    Raises:
        ExtraMissing: onnx or onnxruntime is not installed.
        SetupError: the file is missing or lacks a layer.
    """

    def __init__(self, weights: Path) -> None:
        try:
            with np.load(weights) as arrays:
                model = build_graph(arrays)
        except (OSError, KeyError, ValueError) as error:
            raise SetupError(f"{weights.name} is not there or holds no VGG-19 up to conv4_1.") from error
        runtime = load("onnxruntime")
        options = runtime.SessionOptions()
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # idle threads sleep
        self._session: Any = runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._seen: OrderedDict[bytes, list[FloatArray]] = OrderedDict()

    def __call__(self, made: Picture, true: Picture) -> float:
        """Distance in [0, 4] of two pictures (H, W, 3) uint8 RGB of one size."""
        return vgg_distance(self.taps(made), self.taps(true))

    def taps(self, picture: Picture) -> list[FloatArray]:
        """The four taps (C, H, W) of a picture; the vector of each pixel has unit length."""
        key = digest(picture)
        if key not in self._seen:
            image = picture[..., ::-1].astype(np.float32) - MEAN_BGR
            raw = self._session.run(None, {"image": np.ascontiguousarray(image.transpose(2, 0, 1)[None])})
            self._seen[key] = [unit_length(tap[0]) for tap in raw]
            while len(self._seen) > REMEMBERED:
                self._seen.popitem(last=False)
        self._seen.move_to_end(key)
        return self._seen[key]


def build_graph(arrays: Mapping[str, NDArray[np.generic]]) -> bytes:
    """The ONNX file: ``image`` (1, 3, H, W) float32 BGR minus mean -> four taps (1, C, H/2^n, W/2^n)."""
    onnx = load("onnx")
    helper, real = onnx.helper, onnx.TensorProto.FLOAT
    nodes, weights, taps, value = [], [], [], "image"
    for block, count in BLOCKS:
        if block > 1:
            nodes.append(
                helper.make_node("MaxPool", [value], [f"pool{block}"], kernel_shape=[2, 2], strides=[2, 2])
            )
            value = f"pool{block}"
        for number in range(1, count + 1):
            name = f"block{block}_conv{number}"
            kernel = arrays[f"{name}/kernel"].astype(np.float32).transpose(3, 2, 0, 1)
            bias = arrays[f"{name}/bias"].astype(np.float32)
            weights.append(onnx.numpy_helper.from_array(np.ascontiguousarray(kernel), f"{name}/w"))
            weights.append(onnx.numpy_helper.from_array(bias, f"{name}/b"))
            nodes.append(
                helper.make_node("Conv", [value, f"{name}/w", f"{name}/b"], [name], pads=[1, 1, 1, 1])
            )
            value = f"relu{block}_{number}"
            nodes.append(helper.make_node("Relu", [name], [value]))
        taps.append(helper.make_tensor_value_info(f"relu{block}_1", real, None))
    image = helper.make_tensor_value_info("image", real, [1, 3, "height", "width"])
    graph = helper.make_graph(nodes, "vgg19_to_relu4_1", [image], taps, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    data: bytes = model.SerializeToString()
    return data
