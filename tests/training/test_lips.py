from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from reenact.errors import SetupError
from reenact.face.mesh import MOUTH, square_around_lips
from reenact.face.network import SIZE, LipNetwork
from reenact.training.dataset import TAUGHT, Pack
from reenact.training.landmark_teacher import label_landmarks
from reenact.training.lip_stage import MIRRORED, LipStage, cut_mouths
from reenact.training.loop import Run, RunOptions
from reenact.training.run import add_arguments, main

CPU = torch.device("cpu")
UNSEEN = 2  # the row in which the better landmarker sees no face
LEFT_CORNER, RIGHT_CORNER = MOUTH.index(61), MOUTH.index(291)


@pytest.fixture
def taught(pack_folder: Path, tmp_path: Path) -> Path:
    """The pack, with labels that lie elsewhere; one frame has none."""
    folder = tmp_path / "pack"
    shutil.copytree(pack_folder, folder)
    labels = np.load(folder / "landmarks.npy").astype(np.float32) + np.array([0.01, -0.02])
    labels[UNSEEN] = np.nan
    np.save(folder / TAUGHT, labels.astype(np.float32))
    return folder


def test_a_pack_takes_lips_and_chin_of_the_better_landmarker(taught: Path, pack_folder: Path) -> None:
    moved = Pack(taught).landmarks.astype(float) - Pack(pack_folder).landmarks.astype(float)
    others = np.setdiff1d(np.arange(478), MOUTH)
    seen = np.arange(len(moved)) != UNSEEN
    assert moved[seen][:, MOUTH].mean((0, 1)) == pytest.approx([0.01, -0.02], abs=1e-3)
    assert not moved[seen][:, others].any()
    assert not moved[UNSEEN].any()


def test_mirroring_twice_changes_nothing() -> None:
    assert [MIRRORED[MIRRORED[index]] for index in range(len(MOUTH))] == list(range(len(MOUTH)))


def test_mouths_are_cut_around_the_lips_and_only_where_there_are_labels(taught: Path) -> None:
    patches, points = cut_mouths(taught)
    assert len(patches) == len(points) == len(Pack(taught)) - 1
    assert np.abs(points.mean((0, 1)) * SIZE / 2).max() < SIZE / 4  # about in the middle
    assert np.abs(points).max() < 1


def dotted(folder: Path) -> None:
    """Make all frames black but for a white dot at one corner of the mouth, and let it have a label there."""
    frames, labels = np.load(folder / "frames.npy"), np.load(folder / TAUGHT)
    frames[:] = 0
    for frame, points in zip(frames, labels, strict=True):
        if np.isfinite(points).all():
            x, y = ((points[MOUTH[LEFT_CORNER]] + 1) * 128).round().astype(int)
            frame[y - 2 : y + 2, x - 2 : x + 2] = 255
    np.save(folder / "frames.npy", frames)


def test_labels_follow_every_change_of_the_picture(taught: Path) -> None:
    dotted(taught)
    stage = LipStage(LipNetwork(len(MOUTH)), taught, batch=40, device=CPU)
    pictures, truth = stage.draw()
    assert pictures.shape == (40, 3, SIZE, SIZE)
    assert truth.shape == (40, len(MOUTH), 2)
    places = torch.stack([_brightest(picture) for picture in pictures])
    off = (places[:, None] - truth[:, [LEFT_CORNER, RIGHT_CORNER]] * SIZE).norm(dim=-1)
    assert off.min(1).values.max() < 2.5
    assert 5 < (off[:, 0] < off[:, 1]).sum() < 35  # the others are mirrored


def _brightest(picture: torch.Tensor) -> torch.Tensor:
    """The middle (2,) of what shines, in pixels."""
    light = picture.mean(0) - picture.mean(0).min()
    y, x = torch.meshgrid(torch.arange(SIZE) + 0.5, torch.arange(SIZE) + 0.5, indexing="ij")
    return torch.stack([(x * light).sum(), (y * light).sum()]) / light.sum()


def test_it_learns(taught: Path) -> None:
    network = LipNetwork(len(MOUTH))
    stage, run = (
        LipStage(network, taught, batch=16, device=CPU),
        Run(network, RunOptions(minutes=1, rate=2e-3)),
    )
    losses = []
    for _ in range(40):
        losses.append(stage())
        run._descend(losses[-1]["loss"])
    assert set(losses[0]) == {"loss", "points", "opening"}
    first, last = (
        torch.stack([loss["points"] for loss in part]).mean() for part in (losses[:3], losses[-3:])
    )
    assert last < 0.7 * first


def call(*words: object) -> int:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return main(parser.parse_args([str(word) for word in words]))


def test_the_command_writes_a_graph(taught: Path, tmp_path: Path) -> None:
    options = (
        "--pack",
        taught,
        "--out",
        tmp_path / "out",
        "--minutes",
        "0.005",
        "--batch",
        2,
        "--device",
        "cpu",
    )
    assert call("lips", *options) == 0
    assert call("lips", *options, "--resume") == 0
    session = onnxruntime.InferenceSession(tmp_path / "out" / "lips.onnx", providers=["CPUExecutionProvider"])
    (points,) = session.run(None, {"picture": np.zeros((1, 3, SIZE, SIZE), np.float32)})
    assert points.shape == (1, len(MOUTH), 2)
    assert list(json.loads((tmp_path / "out" / "files.json").read_text())) == ["lips.onnx"]


def test_a_pack_without_labels_is_refused(pack_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="train label"):
        call("lips", "--pack", pack_folder, "--out", tmp_path, "--minutes", 1)


def test_labels_of_the_better_landmarker(shared: Path, pack_folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("mediapipe", reason="optional part missing: mediapipe")
    folder = tmp_path / "pack"
    shutil.copytree(pack_folder, folder)
    assert label_landmarks(folder, shared / "evaluation" / "face_landmarker.task") == len(Pack(folder))
    labels, before = np.load(folder / TAUGHT), Pack(pack_folder).landmarks.astype(float)
    assert np.abs(labels - before).mean() < 0.05


def test_the_shipped_graph_agrees_with_the_better_landmarker_on_the_lips(
    shared: Path, engine, portrait
) -> None:
    pytest.importorskip("mediapipe", reason="optional part missing: mediapipe")
    from reenact.evaluation.judges import LandmarkJudge

    (face,) = engine.finder.find(portrait)
    judge = LandmarkJudge(shared / "evaluation" / "face_landmarker.task")
    try:
        truth = judge([portrait]).landmarks[0] / 256 * portrait.shape[1::-1]
    finally:
        judge.close()
    side = square_around_lips(face.landmarks).side
    assert np.linalg.norm(face.landmarks[MOUTH] - truth[MOUTH], axis=-1).mean() < 0.025 * side
