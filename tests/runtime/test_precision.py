from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from reenact.engine import Engine
from reenact.errors import InvalidOption
from reenact.runtime import ModelFolder, Precision, variant
from reenact.runtime.precision import has_vnni
from reenact.types import Crop, Face, Picture


@pytest.fixture
def folder(tmp_path: Path) -> ModelFolder:
    (tmp_path / "files.json").write_text(
        json.dumps(
            dict.fromkeys(["animate.onnx", "animate_int8.onnx", "animate_fp16.onnx", "encode.onnx"], "")
        )
    )
    return ModelFolder(tmp_path)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [("fpu avx512f avx512_vnni", True), ("fpu avx2 avx_vnni", True), ("fpu avx2 avx512f", False)],
)
def test_vnni_is_read_from_the_processors_flags(tmp_path: Path, flags: str, expected: bool) -> None:
    (tmp_path / "cpuinfo").write_text(f"processor : 0\nflags\t\t: {flags}\n")
    assert has_vnni(tmp_path / "cpuinfo") is expected


def test_where_the_system_does_not_tell_there_is_none(tmp_path: Path) -> None:
    assert has_vnni(tmp_path / "cpuinfo") is False


def test_int8_is_taken_where_it_is_there_and_fast(folder: ModelFolder) -> None:
    assert variant(folder, "animate", "auto", True) == ("animate_int8" if has_vnni() else "animate")
    assert variant(folder, "animate", "int8", True) == "animate_int8"
    assert variant(folder, "animate", "float32", True) == "animate"
    assert variant(folder, "animate", "float32", False) == "animate"
    assert variant(folder, "encode", "auto", True) == "encode"


def test_float16_is_taken_on_a_gpu_where_it_is_there(folder: ModelFolder) -> None:
    assert variant(folder, "animate", "auto", False) == "animate_fp16"
    assert variant(folder, "animate", "float16", False) == "animate_fp16"
    assert variant(folder, "encode", "auto", False) == "encode"


@pytest.mark.parametrize(
    ("name", "precision", "on_cpu"),
    [
        ("encode", "int8", True),
        ("animate", "int8", False),
        ("encode", "float16", False),
        ("animate", "float16", True),
    ],
)
def test_a_precision_that_is_not_there_is_refused(
    folder: ModelFolder, name: str, precision: Precision, on_cpu: bool
) -> None:
    with pytest.raises(InvalidOption, match=f"no {precision} graph .* float32"):
        variant(folder, name, precision, on_cpu)


@pytest.mark.skipif(not has_vnni(), reason="this processor would run int8 otherwise than it was measured")
def test_the_shipped_int8_animator_paints_what_float32_paints(face_crop: Picture) -> None:
    pictures = []
    for precision in ("float32", "int8"):
        engine = Engine(device="cpu", precision=precision)
        (face, *_) = engine.finder.find(face_crop)
        poses = engine.detector.many(_moved(face_crop, face), Crop(0, 0, 256))
        source = engine.renderer.prepare(face_crop, face_crop, poses[0])
        pictures.append(np.stack(list(engine.renderer.render(source, poses))).astype(np.float32))
    error = np.square(pictures[0] - pictures[1]).mean()
    assert 0 < error < 255**2 / 10**3.6  # 36 dB; and they are not the same graph


def _moved(picture: Picture, face: Face) -> list[tuple[Picture, Face]]:
    """The face, and the same moved by some pixels."""
    moved = Face(face.box, face.score, face.landmarks + np.float32(6))
    return [(picture, face), (np.roll(picture, (6, 6), (0, 1)), moved)]
