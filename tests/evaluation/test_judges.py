from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from reenact.errors import ExtraMissing, SetupError
from reenact.evaluation import extras
from reenact.evaluation.clips import read_frames
from reenact.evaluation.judges import TEMPLATE, IdentityJudge, LandmarkJudge, align, euler_degrees, similarity
from reenact.evaluation.metrics import cosine
from reenact.types import Picture


def test_a_missing_extra_says_how_to_get_it() -> None:
    with pytest.raises(ExtraMissing, match=r"reenact\[evaluate\]"):
        extras.load("a_package_that_nobody_has")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"face_landmarker\.task"):
        LandmarkJudge(tmp_path / "face_landmarker.task")
    with pytest.raises(SetupError, match=r"net\.param"):
        IdentityJudge(tmp_path / "net.param", tmp_path / "net.bin")


def test_similarity_finds_a_known_movement() -> None:
    angle, scale, shift = 0.3, 1.7, np.array([12.0, -5.0])
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear, offset = similarity(TEMPLATE, TEMPLATE @ turn.T + shift)
    assert linear == pytest.approx(turn)
    assert offset == pytest.approx(shift)


def test_similarity_never_mirrors() -> None:
    linear, _ = similarity(TEMPLATE, TEMPLATE * [-1, 1])
    assert np.linalg.det(linear) > 0


def test_align_puts_eyes_nose_and_mouth_where_the_template_has_them() -> None:
    five = TEMPLATE * 1.5 + [40, 30]
    landmarks = np.zeros((478, 2), np.float32)
    for indices, place in zip([(33, 133), (362, 263), (1,), (61,), (291,)], five, strict=True):
        landmarks[list(indices)] = place
    frame = np.zeros((256, 256, 3), np.uint8)
    for number, (x, y) in enumerate(five.astype(int)):
        frame[y - 3 : y + 4, x - 3 : x + 4] = 50 * (number + 1)
    aligned = align(frame, landmarks)
    seen = [int(aligned[int(y), int(x), 0]) for x, y in TEMPLATE]
    assert seen == pytest.approx([50, 100, 150, 200, 250], abs=8)


@pytest.mark.parametrize("angles", [(0, 0, 0), (30, 0, 0), (0, 20, 0), (0, 0, -15), (25, -10, 5)])
def test_euler_angles_come_back(angles: tuple[float, float, float]) -> None:
    (cy, cx, cz), (sy, sx, sz) = np.cos(np.radians(angles)), np.sin(np.radians(angles))
    yaw = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    pitch = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    roll = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    assert euler_degrees(yaw @ pitch @ roll * 1.3) == pytest.approx(angles)  # scale does not matter


@pytest.fixture(scope="module")
def landmarks(shared: Path) -> Iterator[LandmarkJudge]:
    pytest.importorskip("mediapipe", reason="optional part missing: mediapipe")
    judge = LandmarkJudge(shared / "evaluation" / "face_landmarker.task")
    yield judge
    judge.close()


@pytest.fixture(scope="module")
def talking(shared: Path) -> list[Picture]:
    return read_frames(shared / "faces" / "val" / "talk-0225-0101.mp4", 20)


def test_landmark_judge_reads_a_face(landmarks: LandmarkJudge, talking: list[Picture]) -> None:
    reading = landmarks(talking)
    assert reading.frames_without_face == 0
    assert reading.landmarks.shape == (20, 478, 2)
    assert 50 < np.ptp(reading.landmarks[0, :, 1]) < 200
    assert (0 <= reading.jaw).all() and (reading.jaw <= 1).all()
    assert np.abs(reading.pose).max() < 60


def test_a_mirrored_face_looks_the_other_way(landmarks: LandmarkJudge, shared: Path) -> None:
    frames = read_frames(shared / "faces" / "val" / "ytf-0466-0037.mp4")
    yaw = landmarks(frames).pose[:, 0]
    mirrored = landmarks([frame[:, ::-1] for frame in frames]).pose[:, 0]
    assert np.abs(yaw).max() > 5
    assert mirrored == pytest.approx(-yaw, abs=8)


def test_a_frame_without_a_face_is_nan_and_counted(landmarks: LandmarkJudge, talking: list[Picture]) -> None:
    reading = landmarks([talking[0], np.full((256, 256, 3), 128, np.uint8)])
    assert reading.frames_without_face == 1
    assert np.isfinite(reading.landmarks[0]).all() and np.isnan(reading.landmarks[1]).all()
    assert np.isnan(reading.pose[1]).all() and np.isnan(reading.blink[1])


def test_same_person_is_nearer_than_another(landmarks: LandmarkJudge, shared: Path) -> None:
    pytest.importorskip("ncnn", reason="optional part missing: ncnn")
    tools = shared / "evaluation"
    identity = IdentityJudge(tools / "mobilefacenet.param", tools / "mobilefacenet.bin")
    names = ["talk-0225-0101", "talk-0225-0102", "talk-0411-0093", "talk-0411-0098", "talk-0317-0122"]
    frames = [read_frames(shared / "faces" / "val" / f"{name}.mp4", 1)[0] for name in names]
    vectors = identity(frames, landmarks(frames).landmarks)
    same = [cosine(vectors[i], vectors[i + 1]) for i in (0, 2)]
    other = [cosine(vectors[i], vectors[j]) for i in (0, 1) for j in (2, 3, 4)]
    assert min(same) > 0.5 > 0.3 > max(other)
    lost = identity(frames[:1], np.full((1, 478, 2), np.nan, np.float32))
    assert np.isnan(lost).all()
