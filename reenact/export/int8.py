"""``animate`` with convolutions in bytes: twice as fast on processors that multiply bytes (VNNI).

Static quantisation, activations by tensor, weights by output channel (Jacob et al., CVPR 2018), with ranges
measured on our own portraits and templates. The last convolution, whose steps would be seen, stays float32.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from reenact.export.variant_parity import Feed, PrecisionLoss, compare

NAME = "animate_int8"
EXACT = ("head.weight",)  # of the convolutions that stay float32
LEAST_PSNR = 36.0  # dB against float32, over the frames; below that the graph is not worth having


def write_int8(folder: Path, feeds: list[Feed]) -> PrecisionLoss:
    """Write ``animate_int8.onnx`` beside the graphs of a model, unless it would lose too much.

    Args:
        folder: has ``animate.onnx``; the caller lists the new file in ``files.json``.
        feeds: inputs of ``animate``, two thirds for the ranges and one to judge by.

    Returns:
        What was measured on frames that the ranges were not taken from.
    """
    measured, judged = _split(feeds)
    path = folder / f"{NAME}.onnx"
    quantize(folder / "animate.onnx", path, measured)
    loss = compare(folder / "animate.onnx", path, judged)
    if loss.psnr < LEAST_PSNR:
        path.unlink()
    return loss


def quantize(path: Path, out: Path, feeds: list[Feed]) -> None:
    """Quantise the convolutions of a graph with the ranges that its tensors have on these inputs."""
    with tempfile.TemporaryDirectory() as name:
        folded = Path(name) / "folded.onnx"  # batch norm folded away, or it would keep the convolutions apart
        quant_pre_process(str(path), str(folded), skip_symbolic_shape=True)
        exact = [
            node.name
            for node in onnx.load(str(folded)).graph.node
            if node.op_type == "Conv" and node.input[1].endswith(EXACT)
        ]
        quantize_static(
            str(folded),
            str(out),
            _Feeds(feeds),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv"],
            nodes_to_exclude=exact,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
        )


class _Feeds(CalibrationDataReader):  # type: ignore[misc]  # ships no types
    """Hands inputs to ONNX Runtime one by one."""

    def __init__(self, feeds: list[Feed]) -> None:
        self._feeds = iter(feeds)

    def get_next(self) -> Feed | None:
        """The next inputs, None at the end."""
        return next(self._feeds, None)


def _split(feeds: list[Feed]) -> tuple[list[Feed], list[Feed]]:
    """Two of three for the ranges, the third to judge by."""
    return [feed for i, feed in enumerate(feeds) if i % 3], feeds[::3]
