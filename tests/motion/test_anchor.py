from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from reenact.landmarks import GAPS, MOUTH_GAPS
from reenact.motion.anchor import align_shots
from reenact.motion.one_euro import smooth_motion
from reenact.types import Keypoints

FPS = Fraction(25)


@pytest.fixture
def motion(rng: np.random.Generator) -> Keypoints:
    """Twelve frames of noise about a pose."""
    points = rng.normal(0, 0.4, (1, 10, 2)) + rng.normal(0, 0.01, (12, 10, 2))
    jacobians = np.eye(2) + rng.normal(0, 0.1, (12, 10, 2, 2))
    landmarks = rng.normal(0, 0.4, (1, 31, 2)) + rng.normal(0, 0.01, (12, 31, 2))
    return Keypoints(*(array.astype(np.float32) for array in (points, jacobians, landmarks)))


def joined(first: Keypoints, second: Keypoints) -> Keypoints:
    return Keypoints(
        np.concatenate([first.points, second.points]),
        np.concatenate([first.jacobians, second.jacobians]),
        np.concatenate([first.landmarks, second.landmarks]),
    )


def test_one_take_is_only_steadied(motion: Keypoints) -> None:
    found, expected = align_shots(motion, np.zeros(12, np.intp), FPS), smooth_motion(motion, FPS)
    assert np.array_equal(found.points, expected.points)
    assert np.array_equal(found.jacobians, expected.jacobians)
    assert np.array_equal(found.landmarks, expected.landmarks)


def test_a_second_take_of_someone_else_moves_as_the_first_would(motion: Keypoints) -> None:
    """The same movement by a face that lies elsewhere, is turned otherwise and has a wider chin."""
    turn = np.diag([0.8, 1.3]).astype(np.float32)
    moved = motion.landmarks + np.float32(0.3)
    moved[:, -5:] += np.float32(0.1)
    other = Keypoints(motion.points - np.float32(0.2), motion.jacobians @ turn, moved)
    found = align_shots(joined(motion, other), np.repeat([0, 1], 12), FPS)
    np.testing.assert_allclose(found.points[12:], found.points[:12], atol=1e-4)
    np.testing.assert_allclose(found.jacobians[12:], found.jacobians[:12], atol=1e-3)
    np.testing.assert_allclose(found.landmarks[12:], found.landmarks[:12], atol=1e-4)


def opening(keypoints: Keypoints, gap: int) -> np.ndarray:
    upper, lower, *_ = GAPS[gap]
    return np.linalg.norm(keypoints.landmarks[:, upper] - keypoints.landmarks[:, lower], axis=-1)


def test_lips_keep_their_opening_and_lids_their_share(motion: Keypoints) -> None:
    """A second take in which the mouth is open all the time, by someone with eyes half as wide."""
    landmarks = motion.landmarks.copy()
    upper, lower, *_ = GAPS[0]
    landmarks[:, lower, 1] += 0.2
    for upper, lower, *_ in GAPS[MOUTH_GAPS:]:
        landmarks[:, upper] = (landmarks[:, upper] + landmarks[:, lower]) / 2
    other = replace(motion, landmarks=landmarks)
    found = align_shots(joined(motion, other), np.repeat([0, 1], 12), FPS)
    still = smooth_motion(other, FPS)
    np.testing.assert_allclose(opening(found, 0)[12:], opening(still, 0), atol=1e-3)
    for gap in range(MOUTH_GAPS, len(GAPS)):
        assert np.median(opening(found, gap)[12:]) == pytest.approx(
            np.median(opening(found, gap)[:12]), rel=0.1
        )


def test_no_cut_is_smeared(motion: Keypoints) -> None:
    """Each take is steadied by itself: the frames beside a cut are those of a take that ends there."""
    alone = smooth_motion(motion, FPS)
    found = align_shots(
        joined(motion, replace(motion, points=motion.points[::-1])), np.repeat([0, 1], 12), FPS
    )
    np.testing.assert_array_equal(found.points[:12], alone.points)
