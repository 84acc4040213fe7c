from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from reenact.config import FACE_MODEL
from reenact.keypoints.network import KeypointNetwork
from reenact.landmarks import COUNT, EYE_CORNERS, MESH_INDICES
from reenact.training.animation_stage import AnimationStage, Animator, LossWeights
from reenact.training.checkpoint import Model, ModelConfig
from reenact.training.dataset import Pack
from reenact.training.frame_pairs import boxes_around, crop_boxes
from reenact.training.grid import write_grid
from reenact.training.keypoint_stage import KeypointStage
from reenact.training.loop import Losses, Run, RunOptions
from reenact.training.losses import PerceptualLoss
from reenact.training.points_loss import PointsLoss
from reenact.training.sampler import PairSampler
from reenact.training.teacher import TO_EDGES, label_pack

CPU = torch.device("cpu")
OPTIONS = RunOptions(minutes=1, batch=2, rate=2e-3)


def measure(stage: AnimationStage | KeypointStage) -> dict[str, float]:
    """The losses of one batch that is always the same."""
    torch.manual_seed(11)
    with torch.no_grad():
        return {name: value.item() for name, value in stage().items()}


def train(run: Run, stage: AnimationStage | KeypointStage, steps: int) -> list[Losses]:
    losses = []
    for _ in range(steps):
        losses.append(stage())
        run._descend(losses[-1]["loss"])
    return losses


@pytest.fixture(scope="module")
def labelled(pack_folder: Path, teacher: Path) -> dict[str, np.ndarray]:
    label_pack(pack_folder, teacher)
    return dict(np.load(pack_folder / "teacher.npz"))


@pytest.fixture
def animation(pack_folder: Path, vgg: Path, tiny: ModelConfig) -> AnimationStage:
    model = Model(tiny)
    sampler = PairSampler(Pack(pack_folder), CPU, on_device=False)
    perceptual, points = PerceptualLoss(vgg), PointsLoss(FACE_MODEL)
    return AnimationStage(model, Animator(model), sampler, perceptual, points, batch=2, device=CPU)


def test_labels_are_of_each_frame_and_of_its_mirror_image(
    labelled: dict[str, np.ndarray], pack_folder: Path, teacher: Path
) -> None:
    import onnxruntime

    frames = Pack(pack_folder).frames
    assert labelled["points"].shape == (len(frames), 2, 3, 2)
    assert labelled["jacobians"].shape == (len(frames), 2, 3, 2, 2)
    session = onnxruntime.InferenceSession(str(teacher), providers=["CPUExecutionProvider"])
    for row, mirrored in ((0, 0), (5, 1)):
        picture = frames[row][:, ::-1] if mirrored else frames[row]
        image = np.float32(picture).transpose(2, 0, 1)[None] / 255
        points, _ = session.run(None, {"image": np.ascontiguousarray(image)})
        np.testing.assert_allclose(labelled["points"][row, mirrored], points[0] * TO_EDGES, atol=1e-5)
    assert np.abs(labelled["points"][:, 0] - labelled["points"][:, 1]).max() > 0.01


def test_keypoints_learn_from_the_teacher(
    labelled: dict[str, np.ndarray], pack_folder: Path, tiny: ModelConfig
) -> None:
    detector = KeypointNetwork(tiny.keypoints)
    stage = KeypointStage(detector, Pack(pack_folder), labelled, batch=4, device=CPU)
    before = measure(stage)
    losses = train(Run(detector, OPTIONS), stage, 15)
    after = measure(stage)
    assert set(losses[0]) == {"loss", "points", "jacobians"}
    assert after["loss"] < 0.8 * before["loss"], (before, after)
    assert after["points"] < 0.8 * before["points"], (before, after)


def test_a_mirrored_picture_is_compared_with_the_labels_of_the_mirrored(
    labelled: dict[str, np.ndarray], pack_folder: Path, tiny: ModelConfig
) -> None:
    stage = KeypointStage(KeypointNetwork(tiny.keypoints), Pack(pack_folder), labelled, batch=2, device=CPU)
    rows, mirrored = np.array([1, 6]), np.array([1, 0])
    right = torch.from_numpy(labelled["points"][rows, mirrored]).float()
    turns = torch.from_numpy(labelled["jacobians"][rows, mirrored]).float()
    assert [loss.item() for loss in stage._against_teacher(right, turns, rows, mirrored)] == [0, 0]
    assert stage._against_teacher(right, turns, rows, 1 - mirrored)[0] > 1e-3


def test_a_pair_gets_one_flip_and_one_change_of_colours(animation: AnimationStage) -> None:
    """In the clips the face only moves sideways: a pair must differ by that, in pictures and landmarks."""
    said, shown = [], []
    corners = [MESH_INDICES.index(index) for index in EYE_CORNERS]  # of the right eye, then the left
    for _ in range(10):
        source, driving, source_pose, driving_pose = animation.draw()
        assert source.shape == driving.shape == (2, 3, 256, 256)
        assert source_pose.landmarks.shape == driving_pose.landmarks.shape == (2, COUNT, 2)
        assert source_pose.points.shape == (2, 3, 2)
        for pose in (source_pose, driving_pose):
            eyes = pose.landmarks[:, corners, 0]
            assert (eyes[:, :2].mean(1) < eyes[:, 2:].mean(1)).all()  # also in a mirrored picture
        moved = (source_pose.landmarks - driving_pose.landmarks)[..., 0].mean(1)
        said += (moved * 128).tolist()
        shown += [_shift(*pair) for pair in zip(source, driving, strict=True)]
    pairs = [(a, b) for a, b in zip(said, shown, strict=True) if b is not None]
    assert len(pairs) > 0.6 * len(said)  # the others are stills, which are warped
    assert all(a == pytest.approx(b, abs=4) for a, b in pairs)
    assert min(said) < -3 and max(said) > 3


def _shift(first: torch.Tensor, second: torch.Tensor) -> int | None:
    """Pixels by which ``first`` lies to the right of ``second``; None where that is not all."""
    errors = {
        shift: (second.roll(shift, 2) - first).abs().mean().item() for shift in (-18, -12, -6, 6, 12, 18)
    }
    best = min(errors, key=lambda shift: errors[shift])
    return best if errors[best] < 0.02 else None


def test_animation_learns_and_leaves_the_detector_alone(animation: AnimationStage) -> None:
    detector = {name: value.clone() for name, value in animation.model.detector.state_dict().items()}
    before = measure(animation)
    run = Run(animation.animator, RunOptions(minutes=1, batch=2, rate=5e-4))
    for _ in range(10):
        torch.manual_seed(11)  # the same batch each time: ten steps tell little about others
        losses = animation()
        run._descend(losses["loss"])
    after = measure(animation)
    parts = {"perceptual", "l1", "expression", "gaps", "copied", "points"}
    assert set(losses) == {*parts, "loss", "static"}
    weights = LossWeights()
    total = sum(getattr(weights, name) * before[name] for name in before.keys() - {"loss", "static"})
    assert before["loss"] == pytest.approx(total, rel=1e-4)
    assert after["static"] == pytest.approx(before["static"])
    for name in ("loss", "copied"):
        assert after[name] < 0.95 * before[name], (name, before, after)
    for name, value in animation.model.detector.state_dict().items():
        assert torch.equal(value, detector[name]), name


def test_views_at_full_resolution_lie_inside() -> None:
    centres = torch.rand(50, 2) * 4 - 2  # many of them far outside
    boxes = boxes_around(centres, 256, 96, 0.75)
    assert boxes.shape == (50, 2)
    assert boxes.min() >= 0
    assert boxes.max() <= 256 - 96
    picture = torch.rand(50, 3, 256, 256)
    views = crop_boxes(picture, boxes, 96)
    assert views.shape == (50, 3, 96, 96)
    left, top = boxes[7].int().tolist()
    torch.testing.assert_close(views[7], picture[7, :, top : top + 96, left : left + 96])


def test_the_picture_of_progress_has_four_rows(animation: AnimationStage, tmp_path: Path) -> None:
    write_grid(animation, tmp_path / "grid.jpg")
    with Image.open(tmp_path / "grid.jpg") as grid:
        assert grid.size == (2 * 256, 4 * 256)


def test_the_networks_compile_as_one_graph(animation: AnimationStage) -> None:
    """Across what torch's compiler cannot look into it fuses nothing; ``fullgraph`` makes that an error."""
    source, _, source_pose, driving_pose = animation.draw()
    compiled = torch.compile(animation.animator, backend="eager", fullgraph=True)
    for made, plain in zip(
        compiled(source, source_pose, driving_pose),
        animation.animator(source, source_pose, driving_pose),
        strict=True,
    ):
        torch.testing.assert_close(made, plain)
