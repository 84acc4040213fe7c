from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from reenact.errors import InvalidOption
from reenact.motion.retime import Loop, RetimeOptions, gaussian_smooth, resample_knots, retime
from reenact.types import Keypoints, Motion

FRAMES = 20


@pytest.fixture
def motion(rng: np.random.Generator) -> Motion:
    def wander(*shape: int) -> np.ndarray:
        return np.cumsum(rng.normal(0, 0.02, (FRAMES, *shape)), 0).astype(np.float32)

    return Motion(Keypoints(wander(10, 2), wander(10, 2, 2), wander(31, 2)), Fraction(25, 2), "model")


def arrays(motion: Motion) -> list[np.ndarray]:
    keypoints = motion.keypoints
    return [keypoints.points, keypoints.jacobians, keypoints.landmarks]


def test_defaults_change_nothing(motion: Motion) -> None:
    same = retime(motion, RetimeOptions())
    assert same.fps == motion.fps and same.model == motion.model
    for before, after in zip(arrays(motion), arrays(same), strict=True):
        assert after.dtype == np.float32
        np.testing.assert_array_equal(before, after)


def test_twice_the_rate_goes_through_every_captured_frame(motion: Motion) -> None:
    fast = retime(motion, RetimeOptions(fps=25))
    assert fast.fps == 25 and len(fast) == 2 * FRAMES - 1
    for before, after in zip(arrays(motion), arrays(fast), strict=True):
        np.testing.assert_allclose(after[::2], before, atol=1e-6)


def test_between_two_frames_nothing_goes_beyond_them(motion: Motion) -> None:
    finer = retime(motion, RetimeOptions(fps=50))
    before, after = motion.keypoints.landmarks, finer.keypoints.landmarks
    low, high = np.minimum(before[:-1], before[1:]), np.maximum(before[:-1], before[1:])
    for offset in range(4):
        between = after[offset:-1:4]
        assert (between >= low - 1e-6).all() and (between <= high + 1e-6).all()


def test_a_straight_line_stays_straight_away_from_its_ends() -> None:
    line = np.arange(10.0)[:, None]
    np.testing.assert_allclose(resample_knots(line, 0.5)[2:-2, 0], np.arange(1, 8.5, 0.5))


def test_a_part_is_cut_out(motion: Motion) -> None:
    part = retime(motion, RetimeOptions(first=5, last=8))
    np.testing.assert_array_equal(part.keypoints.points, motion.keypoints.points[5:9])


@pytest.mark.parametrize(
    ("options", "seconds"),
    [
        (RetimeOptions(first=0, last=10, fps=25), 0.8),
        (RetimeOptions(first=0, last=10, fps=25, speed=0.5), 1.6),
        (RetimeOptions(first=0, last=10, fps=25, loop="pingpong"), 1.6),
        (RetimeOptions(first=0, last=10, fps=25, loop="blend", repeat=3), 2.4),
        (RetimeOptions(first=0, last=10, fps=30, loop="pingpong", repeat=2), 3.2),
    ],
)
def test_length(motion: Motion, options: RetimeOptions, seconds: float) -> None:
    made = retime(motion, options)
    # Without pingpong a pass shows both of its ends, one frame more than its duration.
    assert abs(made.seconds - seconds) <= (options.repeat + 0.5) / float(made.fps)


@pytest.mark.parametrize("loop", ["blend", "pingpong"])
def test_the_loop_closes_without_a_jump(motion: Motion, loop: Loop) -> None:
    made = retime(motion, RetimeOptions(fps=25, loop=loop)).keypoints.landmarks
    largest_step = np.abs(np.diff(made, axis=0)).max()
    assert np.abs(made[0] - made[-1]).max() <= largest_step
    assert np.abs(motion.keypoints.landmarks[0] - motion.keypoints.landmarks[-1]).max() > largest_step


def test_pingpong_is_its_own_mirror_image(motion: Motion) -> None:
    made = retime(motion, RetimeOptions(fps=25, loop="pingpong")).keypoints.points
    np.testing.assert_allclose(made[1:], made[:0:-1], atol=1e-6)


def test_the_first_frame_survives_a_loop_and_repeats(motion: Motion) -> None:
    made = retime(motion, RetimeOptions(loop="blend", repeat=2)).keypoints.points
    assert len(made) == 2 * FRAMES
    np.testing.assert_array_equal(made[0], motion.keypoints.points[0])
    np.testing.assert_array_equal(made[FRAMES], made[0])


def test_strength_scales_what_changes_since_the_first_frame(motion: Motion) -> None:
    double = retime(motion, RetimeOptions(strength=2)).keypoints.landmarks
    still = motion.keypoints.landmarks
    np.testing.assert_allclose(double - still[0], 2 * (still - still[0]), atol=1e-6)


def test_smoothing_keeps_what_is_still_and_calms_what_jitters(rng: np.random.Generator) -> None:
    still = np.full((30, 2), 0.7)
    np.testing.assert_allclose(gaussian_smooth(still, 2.0), still)
    jitter = rng.normal(size=(200, 3))
    assert gaussian_smooth(jitter, 1.0).std() < 0.6 * jitter.std()


def test_smoothing_reaches_beyond_a_very_short_motion() -> None:
    assert gaussian_smooth(np.arange(2.0)[:, None], 5.0).shape == (2, 1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"first": -1},
        {"first": 5, "last": 5},
        {"fps": 0},
        {"fps": 61},
        {"speed": 0.1},
        {"smooth": 9},
        {"strength": 3},
        {"loop": "circle"},
        {"blend": -1},
        {"repeat": 0},
    ],
)
def test_options_outside_their_range_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidOption):
        RetimeOptions(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("options", [RetimeOptions(last=FRAMES), RetimeOptions(first=FRAMES)])
def test_frames_that_are_not_there_are_refused(motion: Motion, options: RetimeOptions) -> None:
    with pytest.raises(InvalidOption, match="20 frames"):
        retime(motion, options)
