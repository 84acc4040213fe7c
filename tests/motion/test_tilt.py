from __future__ import annotations

import numpy as np
import pytest

from reenact.motion.tilt import MAX_TILT, UNLIMITED_TILT, limit_tilt, tilt_pose
from reenact.types import Keypoints, rotate_points


def test_a_small_tilt_stays_and_a_large_one_is_bounded() -> None:
    tilts = np.radians(np.arange(-180, 181))
    kept = np.array([limit_tilt(tilt) for tilt in tilts])
    small = np.abs(tilts) <= UNLIMITED_TILT
    np.testing.assert_allclose(kept[small], tilts[small])
    assert np.abs(kept).max() <= MAX_TILT
    assert (np.diff(kept) >= 0).all()
    assert np.diff(kept).max() <= np.radians(1) + 1e-9  # it never jumps
    np.testing.assert_allclose(kept, -kept[::-1])


@pytest.mark.parametrize("tilt", [0.3, -1.2])
def test_a_pose_is_turned_about_its_middle(rng: np.random.Generator, tilt: float) -> None:
    """Jacobians too: they map the same change of the reference to a change that is turned."""
    pose = Keypoints(*(rng.normal(size=shape).astype(np.float32) for shape in ((4, 2), (4, 2, 2), (9, 2))))
    middle = np.array([0.2, -0.1], np.float32)
    found = tilt_pose(pose, middle, tilt)
    np.testing.assert_allclose(found.points - middle, rotate_points(pose.points - middle, tilt), atol=1e-6)
    np.testing.assert_allclose(
        found.landmarks - middle, rotate_points(pose.landmarks - middle, tilt), atol=1e-6
    )
    change = rng.normal(size=2)
    np.testing.assert_allclose(
        found.jacobians @ change, rotate_points(pose.jacobians @ change, tilt), atol=1e-5
    )
    assert found.points.dtype == found.jacobians.dtype == np.float32


def test_clockwise_is_as_pictures_are_seen() -> None:
    np.testing.assert_allclose(
        rotate_points(np.array([1.0, 0.0]), np.pi / 2), [0, 1], atol=1e-9
    )  # right -> down
