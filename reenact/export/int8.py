"""``animate`` with int8 convolutions: twice as fast on processors with int8 dot products (VNNI).

Static quantisation, activations per tensor, weights per output channel (Jacob et al., CVPR 2018), with ranges
calibrated on our own portraits and templates. The last convolution, whose steps would be visible, stays
float32.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from reenact.export.variant_parity import Feed, PrecisionLoss, compare

NAME = "animate_int8"
EXACT = ("head.weight",)  # weights of the convolutions that stay float32
LEAST_PSNR = 36.0  # dB against float32, over the frames; a graph below that is not kept


def write_int8(folder: Path, feeds: list[Feed]) -> PrecisionLoss:
    """Write ``animate_int8.onnx`` beside the graphs of a model, unless its PSNR is too low.

    Args:
        folder: has ``animate.onnx``; the caller lists the new file in ``files.json``.
        feeds: inputs of ``animate``, two thirds for calibration and one third for evaluation.

    Returns:
        The loss on frames that were not used for calibration.
    """
    measured, judged = _split(feeds)
    path = folder / f"{NAME}.onnx"
    quantize(folder / "animate.onnx", path, measured)
    loss = compare(folder / "animate.onnx", path, judged)
    if loss.psnr < LEAST_PSNR:
        path.unlink()
    return loss


def quantize(path: Path, out: Path, feeds: list[Feed]) -> None:
    """Quantise the convolutions of a graph, with ranges calibrated on these inputs."""
    with tempfile.TemporaryDirectory() as name:
        folded = Path(name) / "folded.onnx"  # without batch norm, which would separate the convolutions
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
    """Passes calibration inputs to ONNX Runtime one by one."""

    def __init__(self, feeds: list[Feed]) -> None:
        self._feeds = iter(feeds)

    def get_next(self) -> Feed | None:
        """The next inputs, None at the end."""
        return next(self._feeds, None)


def _split(feeds: list[Feed]) -> tuple[list[Feed], list[Feed]]:
    """Two of three for calibration, the third for evaluation."""
    return [feed for i, feed in enumerate(feeds) if i % 3], feeds[::3]
