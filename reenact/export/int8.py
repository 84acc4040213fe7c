"""``animate`` with convolutions in bytes: twice as fast on processors that multiply bytes (VNNI).

Ranges are measured on our own portraits moved like the previews of our own templates, so the step needs
nothing but the repository and reruns by itself on new weights. Static quantisation, activations by tensor,
weights by output channel (Jacob et al., CVPR 2018). Only the last convolution, whose steps would be seen,
stays float32.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from reenact.config import MOTIONS
from reenact.engine import Engine
from reenact.face.align import align, choose
from reenact.gallery import list_portraits, template_ids
from reenact.gallery.templates import PREVIEW
from reenact.generator.renderer import BATCH, NATIVE_SIZE, Source
from reenact.media import read_picture
from reenact.motion.transfer import TransferOptions, transfer
from reenact.pipeline import prepare_source, track
from reenact.runtime import Session
from reenact.types import Crop

NAME = "animate_int8"
EXACT = "head.weight"  # of the convolution that stays float32
FRAMES = 24  # of each preview, of which every second is used
LEAST_PSNR = 36.0  # dB against float32, over the frames; below that the graph is not worth having

Feed = dict[str, NDArray[np.generic]]


@dataclass(frozen=True)
class Loss:
    """What bytes cost: PSNR of the pictures against float32 in dB, mean error of the flow in crop units."""

    psnr: float
    flow: float

    @property
    def small(self) -> bool:
        """Whether nobody will see it."""
        return self.psnr >= LEAST_PSNR


def write_int8(folder: Path) -> Loss:
    """Write ``animate_int8.onnx`` beside the graphs of a model, unless it would lose too much.

    Args:
        folder: has the float32 graphs and ``files.json``; the caller lists the new file there.

    Returns:
        What was measured on frames that the ranges were not taken from.
    """
    engine = Engine(folder, device="cpu", precision="float32")
    measured, judged = _split(list(poses(engine)))
    path = folder / f"{NAME}.onnx"
    quantize(folder / "animate.onnx", path, measured)
    loss = compare(folder / "animate.onnx", path, judged)
    if not loss.small:
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


def compare(exact: Path, path: Path, feeds: list[Feed]) -> Loss:
    """Run both graphs on the same inputs."""
    wanted, found = (Session(each, device="cpu") for each in (exact, path))
    square, flow = [], []
    for feed in feeds:
        (picture, _, moved), (other, _, other_moved) = wanted(**feed), found(**feed)
        square.append(np.square(picture.astype(np.float32) - other).mean())
        flow.append(np.abs(moved - other_moved).mean())
    return Loss(float(10 * np.log10(255**2 / max(1e-9, np.mean(square)))), float(np.mean(flow)))


def poses(engine: Engine) -> Iterator[Feed]:
    """Inputs of ``animate`` by batches: each template's preview moves one of the portraits."""
    sources = cycle([_source(engine, entry.path) for entry in list_portraits()])
    for id in template_ids(MOTIONS):
        whole = Crop(0, 0, NATIVE_SIZE)
        motion = track(engine, MOTIONS / id / PREVIEW, crop=whole, part=(0, FRAMES))
        source = next(sources)
        driven = transfer(source.keypoints, motion.keypoints, TransferOptions())[::2]
        for start in range(0, len(driven), BATCH):
            inputs = engine.renderer.inputs(source, driven[start : start + BATCH])
            yield {
                name: np.asarray(each if isinstance(each, np.ndarray) else each.numpy())
                for name, each in inputs.items()
            }


class _Feeds(CalibrationDataReader):  # type: ignore[misc]  # ships no types
    """Hands inputs to ONNX Runtime one by one."""

    def __init__(self, feeds: list[Feed]) -> None:
        self._feeds = iter(feeds)

    def get_next(self) -> Feed | None:
        """The next inputs, None at the end."""
        return next(self._feeds, None)


def _source(engine: Engine, path: Path) -> Source:
    picture = read_picture(path)
    face = choose(engine.finder.find(picture))
    return prepare_source(engine, picture, face, align(face), NATIVE_SIZE)


def _split(feeds: list[Feed]) -> tuple[list[Feed], list[Feed]]:
    """Two of three for the ranges, the third to judge by."""
    return [feed for i, feed in enumerate(feeds) if i % 3], feeds[::3]
