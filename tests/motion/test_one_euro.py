from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from reenact.landmarks import COUNT
from reenact.motion.one_euro import smooth_motion
from reenact.types import Keypoints

K, FRAMES, FPS = 3, 60, Fraction(25)
NOISE = 0.002  # crop units: a quarter of a pixel


def motion(landmarks: np.ndarray) -> Keypoints:
    """Landmarks (T, 2) that all move alike, and keypoints that do the same."""
    moved = np.repeat(landmarks[:, None], COUNT, 1).astype(np.float32)
    turns = np.broadcast_to(np.eye(2, dtype=np.float32), (len(landmarks), K, 2, 2)).copy()
    return Keypoints(moved[:, :K].copy(), turns, moved)


def test_what_trembles_is_steadied(rng: np.random.Generator) -> None:
    shaken = motion(rng.normal(0, NOISE, (FRAMES, 2)))
    found = smooth_motion(shaken, FPS)
    for part in ("points", "landmarks"):
        before, after = (np.abs(np.diff(getattr(each, part), axis=0)).mean() for each in (shaken, found))
        assert after < 0.6 * before
        assert getattr(found, part).dtype == np.float32


def test_a_blink_keeps_its_depth_and_its_moment() -> None:
    lid = np.zeros((FRAMES, 2))
    lid[29:34, 1] = 0.03, 0.06, 0.06, 0.06, 0.03
    found = smooth_motion(motion(lid), FPS).landmarks[:, 0, 1]
    assert found.max() > 0.057
    assert found.argmax() in (30, 31, 32)
    assert found[:27] == pytest.approx(0, abs=1e-3)
    np.testing.assert_allclose(found[20:43], found[20:43][::-1], atol=1e-4)  # no delay


def test_what_stands_still_stays() -> None:
    still = motion(np.full((FRAMES, 2), 0.3))
    found = smooth_motion(still, FPS)
    for part in ("points", "jacobians", "landmarks"):
        np.testing.assert_allclose(getattr(found, part), getattr(still, part), atol=1e-6)


def test_one_frame_is_enough() -> None:
    one = motion(np.full((1, 2), 0.3))
    assert np.array_equal(smooth_motion(one, FPS).landmarks, one.landmarks)
