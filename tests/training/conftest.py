"""A small data set of a real face: two clips, a still, one clip of each kind that must be left out."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from reenact.media import EncodeOptions, write_clip
from reenact.training.dataset import pack_clips
from reenact.training.identity import Normed, Recognizer
from reenact.training.losses import BLOCKS
from reenact.types import Clip

COLUMNS = ("file", "split", "group", "person")
ROWS = (
    ("train/talk-1.mp4", "train", "talk", "1"),
    ("train/news-2.mp4", "train", "news", "2"),
    ("train/no-face.mp4", "train", "talk", "3"),
    ("train/one-frame.mp4", "train", "talk", "4"),
    ("stills/painting.png", "stills", "paintings", "-1"),
    ("val/talk-5.mp4", "val", "talk", "5"),
)
KEYPOINTS = 3  # as many as the fixture ``tiny`` has


def _write_frames(path: Path, frames: list[NDArray[np.uint8]]) -> None:
    """An mp4 of these frames, nearly lossless."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_clip(Clip(iter(frames), Fraction(25)), path, options=EncodeOptions(crf=4, preset="ultrafast"))


@pytest.fixture(scope="session")
def write_frames() -> Callable[[Path, list[NDArray[np.uint8]]], None]:
    """write_frames(path, frames): a clip of the data set."""
    return _write_frames


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory, face_crop: NDArray[np.uint8]) -> Path:
    """Clips in which the face moves sideways, with their manifest."""
    folder = tmp_path_factory.mktemp("data")
    moving = [np.roll(face_crop, shift, 1) for shift in (0, 6, 12, 18)]
    _write_frames(folder / "train/talk-1.mp4", moving)
    _write_frames(folder / "train/news-2.mp4", moving[:3])
    _write_frames(folder / "train/no-face.mp4", [np.full((256, 256, 3), 128, np.uint8)] * 3)
    _write_frames(folder / "train/one-frame.mp4", [face_crop])
    _write_frames(folder / "val/talk-5.mp4", moving[1:3])
    (folder / "stills").mkdir()
    Image.fromarray(face_crop).resize((300, 300)).save(folder / "stills/painting.png")
    (folder / "manifest.tsv").write_text("".join("\t".join(row) + "\n" for row in (COLUMNS, *ROWS)))
    return folder


@pytest.fixture(scope="session")
def pack_folder(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Path:
    """The training split, packed."""
    folder = tmp_path_factory.mktemp("pack")
    pack_clips(data, folder, workers=1)
    return folder


@pytest.fixture(scope="session")
def vgg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights in the layout of VGG-19, with few channels."""
    rng, arrays, inputs = np.random.default_rng(0), {}, 3
    for block, count in enumerate(BLOCKS, 1):
        for index in range(1, count + 1):
            name = f"block{block}_conv{index}"
            kernel = rng.normal(0, np.sqrt(2 / (9 * inputs)), (3, 3, inputs, 6))
            arrays[f"{name}/kernel"] = kernel.astype(np.float16)
            arrays[f"{name}/bias"] = np.zeros(6, np.float16)
            inputs = 6
    path = tmp_path_factory.mktemp("vgg") / "vgg.npz"
    np.savez(path, **arrays)
    return path


@pytest.fixture(scope="session")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A teacher whose keypoints are linear in the picture, so that a mirrored picture has other ones."""
    rng = np.random.default_rng(0)
    weights = rng.normal(0, 0.02, (3 * 64, KEYPOINTS * 2)).astype(np.float32)
    turns = np.tile(np.eye(2, dtype=np.float32) * 0.9, (1, KEYPOINTS, 1, 1))
    constants = {
        "weights": weights,
        "flat": np.array([1, -1]),
        "shape": np.array([1, KEYPOINTS, 2]),
        "turns": turns,
    }
    nodes = [
        helper.make_node("AveragePool", ["image"], ["small"], kernel_shape=[32, 32], strides=[32, 32]),
        helper.make_node("Reshape", ["small", "flat"], ["row"]),
        helper.make_node("MatMul", ["row", "weights"], ["values"]),
        helper.make_node("Reshape", ["values", "shape"], ["keypoints"]),
        helper.make_node("Identity", ["turns"], ["jacobians"]),
    ]

    def tensor(name: str, *shape: int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    graph = helper.make_graph(
        nodes,
        "teacher",
        [tensor("image", 1, 3, 256, 256)],
        [tensor("keypoints", 1, KEYPOINTS, 2), tensor("jacobians", 1, KEYPOINTS, 2, 2)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path = tmp_path_factory.mktemp("teacher") / "teacher.onnx"
    onnx.save(model, str(path))
    return path


def _number(value: int) -> bytes:
    """An integer as dlib writes it."""
    length = max(1, (value.bit_length() + 7) // 8)
    return bytes([length]) + value.to_bytes(length, "little")


def _tensor(values: NDArray[np.float32], *sizes: int) -> bytes:
    """A tensor as dlib writes it: version, four sizes, numbers."""
    return b"".join(map(_number, (2, *sizes))) + values.astype("<f4").tobytes()


@pytest.fixture(scope="session")
def dlib_parameters() -> list[NDArray[np.float32]]:
    """Of each layer filters with biases, then scales with shifts; at the end the projection."""
    random, found = np.random.default_rng(0), []
    network = Recognizer()
    for layer in (module for module in network.modules() if isinstance(module, Normed)):
        filters = layer.conv.weight
        spread = (2 / filters[0].numel()) ** 0.5
        found += [random.normal(0, spread, layer.sizes[0]), random.normal(0.8, 0.1, layer.sizes[1])]
    return [values.astype(np.float32) for values in (*found, random.normal(0, 0.06, 256 * 128))]


@pytest.fixture(scope="session")
def dlib(dlib_parameters: list[NDArray[np.float32]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file as dlib writes it, with the numbers and empty tensors that lie between."""
    path = tmp_path_factory.mktemp("dlib") / "weights.dat"
    between = _number(1) + b"\x06affine_" + _tensor(np.zeros(0, np.float32), 0, 0, 0, 0) + _number(2) * 5
    parts = [_tensor(values, len(values), 1, 1, 1) for values in dlib_parameters[:-1]]
    parts.append(_tensor(dlib_parameters[-1], 256, 128, 1, 1))
    path.write_bytes(
        _number(1) * 3 + b"\rloss_metric_2" + b"".join(between + part for part in parts) + between
    )
    return path
