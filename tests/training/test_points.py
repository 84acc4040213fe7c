from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from reenact.config import FACE_MODEL
from reenact.errors import SetupError, WeightsBroken
from reenact.face.parts import FACE, GRAPHS, LEFT_EYE, LIPS, PARTS, RIGHT_EYE, Part
from reenact.training.dataset import TAUGHT, Pack
from reenact.training.landmark_teacher import label_landmarks
from reenact.training.loop import Run, RunOptions
from reenact.training.point_run import load_points, network_of, restore_batch_norm
from reenact.training.point_stage import PointStage, extract_part_crops, parts_of
from reenact.training.run import add_arguments, main

CPU = torch.device("cpu")
UNSEEN = 2  # the row in which the better landmarker sees no face
CORNER, OTHER_CORNER = LIPS.points.index(61), LIPS.points.index(291)


@pytest.fixture
def taught(pack_folder: Path, tmp_path: Path) -> Path:
    """The pack, with labels that lie elsewhere; one frame has none."""
    folder = tmp_path / "pack"
    shutil.copytree(pack_folder, folder)
    labels = np.load(folder / "landmarks.npy").astype(np.float32) + np.array([0.01, -0.02])
    labels[UNSEEN] = np.nan
    np.save(folder / TAUGHT, labels.astype(np.float32))
    return folder


def test_a_pack_takes_the_landmarks_of_the_better_landmarker(taught: Path, pack_folder: Path) -> None:
    moved = Pack(taught).landmarks.astype(float) - Pack(pack_folder).landmarks.astype(float)
    seen = np.arange(len(moved)) != UNSEEN
    assert moved[seen].mean((0, 1)) == pytest.approx([0.01, -0.02], abs=1e-3)
    assert not moved[UNSEEN].any()
    assert not (Pack(taught, taught=False).landmarks - Pack(pack_folder).landmarks).any()


@pytest.mark.parametrize("part", [FACE, LIPS])
def test_mirroring_twice_changes_nothing(part: Part) -> None:
    assert part.partners is not None
    assert [part.partners[other] for other in part.partners] == list(range(len(part.points)))


def test_every_point_of_a_part_is_placed_once() -> None:
    for part in PARTS:
        assert len(set(part.points)) == len(part.points)
    assert not set(RIGHT_EYE.points) & set(LEFT_EYE.points)


@pytest.mark.parametrize("part", PARTS)
def test_parts_are_cut_around_their_points_and_only_where_there_are_labels(taught: Path, part: Part) -> None:
    patches, points = extract_part_crops(taught, part)
    assert len(patches) == len(points) == len(Pack(taught)) - 1
    assert np.abs(points.mean((0, 1))).max() < 0.25  # about in the middle
    assert np.abs(points).max() < 1


def test_a_left_eye_is_shown_as_a_right_one(taught: Path) -> None:
    (right, right_points), (left, left_points) = (
        extract_part_crops(taught, eye) for eye in (RIGHT_EYE, LEFT_EYE)
    )
    inner = RIGHT_EYE.points.index(133)
    assert LEFT_EYE.points[inner] == 362
    assert right_points[:, inner, 0].min() > 0  # the nose is at the right side of the picture
    assert left_points[:, inner, 0].min() > 0
    assert left.shape == right.shape


def dotted(folder: Path) -> None:
    """Make all frames black but for a white dot at one corner of the mouth, and let it have a label there."""
    frames, labels = np.load(folder / "frames.npy"), np.load(folder / TAUGHT)
    frames[:] = 0
    for frame, points in zip(frames, labels, strict=True):
        if np.isfinite(points).all():
            x, y = ((points[LIPS.points[CORNER]] + 1) * 128).round().astype(int)
            frame[y - 2 : y + 2, x - 2 : x + 2] = 255
    np.save(folder / "frames.npy", frames)


def test_labels_follow_every_change_of_the_picture(taught: Path) -> None:
    dotted(taught)
    stage = PointStage(network_of("lips"), "lips", taught, batch=40, device=CPU)
    pictures, truth = stage.draw()
    assert pictures.shape == (40, 3, LIPS.size, LIPS.size)
    assert truth.shape == (40, len(LIPS.points), 2)
    places = torch.stack([_brightest(picture) for picture in pictures])
    off = (places[:, None] - truth[:, [CORNER, OTHER_CORNER]] * LIPS.size).norm(dim=-1)
    assert off.min(1).values.max() < 2.5
    assert 5 < (off[:, 0] < off[:, 1]).sum() < 35  # the others are mirrored


def _brightest(picture: torch.Tensor) -> torch.Tensor:
    """The middle (2,) of what shines, in pixels."""
    light = (picture.mean(0) - picture.mean(0).max() / 2).clamp_min(0)  # without the noise
    y, x = torch.meshgrid(torch.arange(LIPS.size) + 0.5, torch.arange(LIPS.size) + 0.5, indexing="ij")
    return torch.stack([(x * light).sum(), (y * light).sum()]) / light.sum()


@pytest.mark.parametrize("graph", GRAPHS)
def test_it_learns(taught: Path, graph: str) -> None:
    network = network_of(graph)
    stage = PointStage(network, graph, taught, batch=16, device=CPU)
    run = Run(network, RunOptions(minutes=1, rate=2e-3))
    losses = []
    for _ in range(40):
        losses.append(stage())
        run._descend(losses[-1]["loss"])
    assert set(losses[0]) == {"loss", "points", "opening"}
    first, last = (
        torch.stack([loss["points"] for loss in part]).mean() for part in (losses[:3], losses[-3:])
    )
    assert last < 0.7 * first


@pytest.mark.parametrize("graph", GRAPHS)
def test_a_shipped_graph_is_a_network_that_training_can_go_on_from(graph: str) -> None:
    network, path = load_points(FACE_MODEL / f"{graph}.onnx", graph), FACE_MODEL / f"{graph}.onnx"
    pictures = torch.rand(4, 3, parts_of(graph)[0].size, parts_of(graph)[0].size)
    session = onnxruntime.InferenceSession(path)
    expected = np.concatenate(
        [session.run(None, {"picture": picture[None].numpy()})[0] for picture in pictures]
    )
    np.testing.assert_allclose(network.eval()(pictures).numpy(force=True), expected, atol=1e-4)
    restore_batch_norm(network, pictures)
    np.testing.assert_allclose(network.train()(pictures).numpy(force=True), expected, atol=1e-4)


def test_the_graph_of_another_part_is_refused() -> None:
    with pytest.raises(WeightsBroken, match=r"face\.onnx is not the network for lips"):
        load_points(FACE_MODEL / "face.onnx", "lips")


def call(*words: object) -> int:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return main(parser.parse_args([str(word) for word in words]))


@pytest.mark.parametrize("part", [FACE, RIGHT_EYE, LIPS])
def test_the_command_writes_a_graph(taught: Path, tmp_path: Path, part: Part) -> None:
    out = tmp_path / "out"
    words = ["points", "--part", part.graph, "--pack", taught, "--out", out, "--device", "cpu"]
    words += ["--minutes", "0.005", "--batch", "2"]
    assert call(*words) == 0
    assert call(*words, "--resume") == 0
    assert call(*words, "--init", out / f"{part.graph}.onnx") == 0
    graph = out / f"{part.graph}.onnx"
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    (points,) = session.run(None, {"picture": np.zeros((1, 3, part.size, part.size), np.float32)})
    assert points.shape == (1, len(part.points), 2)
    assert list(json.loads((out / "files.json").read_text())) == [graph.name]


def test_a_pack_without_labels_is_refused(pack_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="train label"):
        call("points", "--part", "lips", "--pack", pack_folder, "--out", tmp_path, "--minutes", 1)


def test_labels_of_the_better_landmarker(shared: Path, pack_folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("mediapipe", reason="optional part missing: mediapipe")
    folder = tmp_path / "pack"
    shutil.copytree(pack_folder, folder)
    assert label_landmarks(folder, shared / "evaluation" / "face_landmarker.task") == len(Pack(folder))
    labels, before = np.load(folder / TAUGHT), Pack(pack_folder).landmarks.astype(float)
    assert np.abs(labels - before).mean() < 0.05


def test_the_shipped_graphs_agree_with_the_better_landmarker(shared: Path, engine, portrait) -> None:
    pytest.importorskip("mediapipe", reason="optional part missing: mediapipe")
    from reenact.evaluation.judges import LandmarkJudge

    (face,) = engine.finder.find(portrait)
    judge = LandmarkJudge(shared / "evaluation" / "face_landmarker.task")
    try:
        truth = judge([portrait]).landmarks[0] / 256 * portrait.shape[1::-1]
    finally:
        judge.close()
    for part in PARTS:
        points, side = list(part.points), part.square(face.landmarks).side
        assert np.linalg.norm(face.landmarks[points] - truth[points], axis=-1).mean() < 0.025 * side
