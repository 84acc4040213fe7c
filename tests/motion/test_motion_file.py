from __future__ import annotations

import pickle
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from reenact.errors import MotionOutdated, OutputError, TemplateNotFound
from reenact.landmarks import COUNT
from reenact.motion.motion_file import load_motion, save_motion
from reenact.types import Keypoints, Motion

MODEL = "ab" * 32


@pytest.fixture
def motion(rng: np.random.Generator) -> Motion:
    def values(*shape: int) -> np.ndarray:
        return rng.normal(size=(7, *shape)).astype(np.float32)

    return Motion(Keypoints(values(4, 2), values(4, 2, 2), values(COUNT, 2)), Fraction(30000, 1001), MODEL)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "nod").mkdir()
    return tmp_path / "nod" / "motion.npz"


def test_a_motion_comes_back_as_it_was(motion: Motion, path: Path) -> None:
    save_motion(motion, path)
    loaded = load_motion(path, MODEL)
    for part in ("points", "jacobians", "landmarks"):
        assert np.array_equal(getattr(loaded.keypoints, part), getattr(motion.keypoints, part))
        assert getattr(loaded.keypoints, part).dtype == np.float32
    assert (loaded.fps, loaded.model, len(loaded)) == (Fraction(30000, 1001), MODEL, 7)
    assert loaded.seconds == pytest.approx(7 * 1001 / 30000)


def test_a_motion_of_another_model_says_how_to_rebuild_it(motion: Motion, path: Path) -> None:
    save_motion(motion, path)
    with pytest.raises(MotionOutdated, match=r"nod.*make templates.*reenact templates add"):
        load_motion(path, "cd" * 32)


def test_a_model_with_other_landmarks_is_outdated_and_not_unreadable(motion: Motion, path: Path) -> None:
    fewer = Keypoints(motion.keypoints.points, motion.keypoints.jacobians, motion.keypoints.landmarks[:, :5])
    save_motion(Motion(fewer, motion.fps, MODEL), path)
    with pytest.raises(MotionOutdated):
        load_motion(path, "cd" * 32)
    with pytest.raises(TemplateNotFound):
        load_motion(path, MODEL)


def absent(path: Path) -> None:
    path.unlink()


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def damaged_inside(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[200:300] = bytes(100)
    path.write_bytes(data)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def text(path: Path) -> None:
    path.write_text("no motion at all")


def a_single_array(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.zeros(3))


def pickled(path: Path) -> None:
    path.write_bytes(pickle.dumps({"points": [1, 2, 3]}))


def pickled_inside(path: Path) -> None:
    np.savez(path, points=np.array([{"code": "never run"}], object), model=MODEL)


def without_a_part(path: Path) -> None:
    arrays = dict(np.load(path))
    del arrays["jacobians"]
    np.savez(path, **arrays)


def change(**changed: object) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        np.savez(path, **(dict(np.load(path)) | changed))

    return spoil


@pytest.mark.parametrize(
    "spoil",
    [
        absent,
        truncated,
        damaged_inside,
        empty,
        text,
        a_single_array,
        pickled,
        pickled_inside,
        without_a_part,
        change(fps=np.array([30, 0])),
        change(fps=np.array([0, 1])),
        change(fps=np.float32(25)),
        change(fps=np.array([25, 1, 1])),
        change(points=np.float32(1)),
        change(points=np.zeros((7, 4, 2))),
        change(jacobians=np.zeros((3, 4, 2, 2), np.float32)),
        change(
            points=np.zeros((0, 4, 2), np.float32),
            jacobians=np.zeros((0, 4, 2, 2), np.float32),
            landmarks=np.zeros((0, COUNT, 2), np.float32),
        ),
    ],
)
def test_a_file_that_is_no_motion_is_not_found(
    motion: Motion, path: Path, spoil: Callable[[Path], None]
) -> None:
    save_motion(motion, path)
    spoil(path)
    with pytest.raises(TemplateNotFound, match="nod"):
        load_motion(path, MODEL)


def test_only_the_whole_file_is_left(motion: Motion, path: Path) -> None:
    save_motion(motion, path)
    assert [file.name for file in path.parent.iterdir()] == ["motion.npz"]


def test_where_it_cannot_be_written_nothing_is_left(motion: Motion, path: Path) -> None:
    path.mkdir()
    with pytest.raises(OutputError):
        save_motion(motion, path)
    assert list(path.parent.iterdir()) == [path]
    with pytest.raises(OutputError):
        save_motion(motion, path.parent / "absent" / "motion.npz")


def test_a_failed_write_keeps_the_old_file(motion: Motion, path: Path) -> None:
    save_motion(motion, path)
    unwritable = Keypoints(motion.keypoints.points, motion.keypoints.jacobians, np.array(["no number"]))
    with pytest.raises(ValueError, match="could not convert"):
        save_motion(Motion(unwritable, motion.fps, MODEL), path)
    assert len(load_motion(path, MODEL)) == 7
    assert [file.name for file in path.parent.iterdir()] == ["motion.npz"]
