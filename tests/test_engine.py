from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from reenact.config import DEFAULT_MODEL
from reenact.engine import Engine
from reenact.errors import WeightsBroken
from reenact.face.detector import FaceDetector
from reenact.runtime import DeviceTensor, ModelFolder, Session


def test_a_model_is_known_by_the_hash_of_its_keypoint_graph(engine: Engine) -> None:
    assert engine.model == ModelFolder(DEFAULT_MODEL).hash("keypoints")
    assert engine.provider == "CPUExecutionProvider"


def test_face_models_are_opened_once() -> None:
    assert Engine(device="cpu").finder is Engine(device="cpu").finder


def test_every_graph_runs_before_the_first_request(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    ran, keep = set(), Session.run_on_device

    def seen(session: Session, **tensors: Any) -> list[DeviceTensor]:
        ran.add(session)
        return keep(session, **tensors)

    monkeypatch.setattr(Session, "run_on_device", seen)
    engine.warm()
    mesh, renderer = engine.finder.mesh, engine.renderer
    assert isinstance(engine.finder._detector, FaceDetector) and renderer._compose is not None
    assert ran == {
        engine.finder._detector._session,
        mesh._mesh,
        *mesh._parts.values(),
        engine.occlusion._network,
        engine.detector._session,
        renderer._encode,
        renderer._animate,
        renderer._compose(512),
    }


@pytest.mark.parametrize("missing", ["keypoints", "encode", "animate", "compose"])
def test_a_model_without_one_of_its_graphs_is_broken(tmp_path: Path, missing: str) -> None:
    shutil.copytree(DEFAULT_MODEL, tmp_path / "model")
    (tmp_path / "model" / f"{missing}.onnx").unlink()
    with pytest.raises(WeightsBroken, match=missing):
        Engine(tmp_path / "model", device="cpu", precision="float32")


def test_a_folder_that_is_no_model_is_broken(tmp_path: Path) -> None:
    with pytest.raises(WeightsBroken, match=r"reenact export"):
        Engine(tmp_path)
