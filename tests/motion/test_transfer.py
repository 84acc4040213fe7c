from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from reenact.errors import InvalidOption
from reenact.landmarks import COUNT, MESH_INDICES
from reenact.motion.transfer import TransferOptions, best_start, hull_area, transfer
from reenact.types import Keypoints

K, FRAMES, FPS = 4, 6, Fraction(25)
EYES = [(MESH_INDICES.index(upper), MESH_INDICES.index(lower)) for upper, lower in ((159, 145), (386, 374))]
UPPER_LIP, LOWER_LIP = MESH_INDICES.index(13), MESH_INDICES.index(14)
MOUTH = {MESH_INDICES.index(index) for index in (0, 13, 81, 311, 14, 178, 402, 17, 152, 172, 397)}
SHIFTED = [index for index in range(COUNT) if index not in {upper for upper, _ in EYES} | MOUTH]
PARTS = ("points", "jacobians", "landmarks")


def keypoints(rng: np.random.Generator, *lead: int, opening: float = 0.05) -> Keypoints:
    """Random keypoints whose eyes are open by ``opening`` and whose mouth is closed."""
    landmarks = rng.uniform(-0.6, 0.6, (*lead, COUNT, 2)).astype(np.float32)
    for upper, lower in EYES:
        landmarks[..., upper, :] = landmarks[..., lower, :] - np.float32([0, opening])
    landmarks[..., LOWER_LIP, :] = landmarks[..., UPPER_LIP, :]
    return Keypoints(
        rng.uniform(-0.8, 0.8, (*lead, K, 2)).astype(np.float32),
        (np.eye(2) + rng.uniform(-0.3, 0.3, (*lead, K, 2, 2))).astype(np.float32),
        landmarks,
    )


@pytest.fixture
def source(rng: np.random.Generator) -> Keypoints:
    return keypoints(rng)


@pytest.fixture
def driving(rng: np.random.Generator) -> Keypoints:
    return keypoints(rng, FRAMES)


def assert_same(found: Keypoints, expected: Keypoints, atol: float = 1e-5) -> None:
    for part in PARTS:
        assert getattr(found, part).dtype == np.float32
        np.testing.assert_allclose(getattr(found, part), getattr(expected, part), atol=atol, err_msg=part)


@pytest.mark.parametrize("start", ["first", "best"])
@pytest.mark.parametrize("strength", [0, 0.5, 1, 2])
def test_a_driving_that_stays_at_its_start_gives_the_source(
    source: Keypoints, driving: Keypoints, strength: float, start: str
) -> None:
    still = Keypoints(*(np.repeat(getattr(driving, part)[:1], 3, 0) for part in PARTS))
    found = transfer(source, still, TransferOptions(strength=strength, start=start), FPS)
    assert len(found) == 3
    for frame in range(3):
        assert_same(found[frame], source)


@pytest.mark.parametrize("mode", ["relative", "absolute"])
def test_no_strength_keeps_the_source_still(source: Keypoints, driving: Keypoints, mode: str) -> None:
    found = transfer(source, driving, TransferOptions(mode=mode, strength=0), FPS)
    assert len(found) == FRAMES
    for frame in range(FRAMES):
        assert_same(found[frame], source)


def test_relative_motion_is_normalize_kp_of_fomm(source: Keypoints, driving: Keypoints) -> None:
    found = transfer(source, driving, TransferOptions(), FPS)
    scale = np.sqrt(hull_area(source.landmarks)) / np.sqrt(hull_area(driving.landmarks[0]))
    for t in range(FRAMES):
        shift = (driving.points[t].astype(np.float64) - driving.points[0]) * scale
        np.testing.assert_allclose(found.points[t], source.points + shift, atol=1e-5)
        shift = (driving.landmarks[t].astype(np.float64) - driving.landmarks[0]) * scale
        moved = source.landmarks + shift
        np.testing.assert_allclose(found.landmarks[t, SHIFTED], moved[SHIFTED], atol=1e-5)
        for k in range(K):
            start = driving.jacobians[0, k].astype(np.float64)
            change = np.matmul(driving.jacobians[t, k], np.linalg.inv(start))
            np.testing.assert_allclose(
                found.jacobians[t, k], np.matmul(change, source.jacobians[k]), atol=1e-5
            )


def test_a_face_of_double_size_moves_twice_as_far(source: Keypoints, driving: Keypoints) -> None:
    large = Keypoints(source.points, source.jacobians, source.landmarks * 2)
    small_shift = transfer(source, driving, TransferOptions(), FPS).points - source.points
    large_shift = transfer(large, driving, TransferOptions(), FPS).points - source.points
    np.testing.assert_allclose(large_shift, 2 * small_shift, atol=1e-5)


@pytest.mark.parametrize("mode", ["relative", "absolute"])
def test_double_strength_moves_twice_as_far(source: Keypoints, driving: Keypoints, mode: str) -> None:
    once = transfer(source, driving, TransferOptions(mode=mode, strength=1), FPS)
    twice = transfer(source, driving, TransferOptions(mode=mode, strength=2), FPS)
    for part in ("points", "jacobians"):
        still = getattr(source, part)
        np.testing.assert_allclose(
            getattr(twice, part) - still, 2 * (getattr(once, part) - still), atol=1e-5, err_msg=part
        )


def test_absolute_motion_at_full_strength_is_the_driving(source: Keypoints, driving: Keypoints) -> None:
    assert_same(transfer(source, driving, TransferOptions(mode="absolute"), FPS), driving, atol=1e-6)


@pytest.mark.parametrize("planted", [0, 3, FRAMES - 1])
def test_best_start_is_the_frame_of_the_same_shape(
    source: Keypoints, driving: Keypoints, rng: np.random.Generator, planted: int
) -> None:
    noise = rng.normal(0, 0.01, source.landmarks.shape)
    driving.landmarks[planted] = source.landmarks * 0.6 + np.float32([0.3, -0.2]) + noise
    assert best_start(source, driving) == planted


def test_motion_counts_from_the_best_start(source: Keypoints, driving: Keypoints) -> None:
    driving.landmarks[4] = source.landmarks * 0.6 + 0.1
    found = transfer(source, driving, TransferOptions(start="best"), FPS)
    assert_same(found[4], source)
    assert np.abs(found[0].points - source.points).max() > 0.05


def blink(rng: np.random.Generator, closed: float) -> Keypoints:
    """Two frames: eyes open by 0.05, then by ``closed``."""
    frame = keypoints(rng, opening=0.05)
    driving = Keypoints(*(np.stack([getattr(frame, part)] * 2) for part in PARTS))
    for upper, lower in EYES:
        driving.landmarks[1, upper] = driving.landmarks[1, lower] - np.float32([0, closed])
    return driving


@pytest.mark.parametrize("opening", [0.02, 0.05, 0.2])
def test_a_blink_closes_a_wide_and_a_narrow_eye(rng: np.random.Generator, opening: float) -> None:
    source = keypoints(rng, opening=opening)
    found = transfer(source, blink(rng, closed=0.0), TransferOptions(), FPS)
    for upper, lower in EYES:
        np.testing.assert_allclose(found.landmarks[1, upper], found.landmarks[1, lower], atol=1e-6)


@pytest.mark.parametrize("strength", [0.5, 1, 2])
@pytest.mark.parametrize("closed", [0.0, 0.01, 0.03])
@pytest.mark.parametrize("opening", [0.02, 0.2])
def test_the_upper_lid_never_crosses_the_lower(
    rng: np.random.Generator, opening: float, closed: float, strength: float
) -> None:
    source = keypoints(rng, opening=opening)
    found = transfer(source, blink(rng, closed), TransferOptions(strength=strength), FPS)
    expected = opening * max(0, 1 + (closed / 0.05 - 1) * strength)
    for upper, lower in EYES:
        height = found.landmarks[1, lower, 1] - found.landmarks[1, upper, 1]
        assert height == pytest.approx(expected, abs=1e-5)


def test_an_eye_never_opens_without_bound(rng: np.random.Generator) -> None:
    source = keypoints(rng, opening=0.1)
    found = transfer(source, blink(rng, closed=0.5), TransferOptions(strength=2), FPS)
    for upper, lower in EYES:
        assert found.landmarks[1, lower, 1] - found.landmarks[1, upper, 1] <= 0.1601


@pytest.mark.parametrize("count", [3, 4, 10, 200])
def test_hull_area_is_that_of_scipy(rng: np.random.Generator, count: int) -> None:
    spatial = pytest.importorskip("scipy.spatial", reason="optional part missing: scipy")
    points = rng.normal(size=(count, 2))
    assert hull_area(points) == pytest.approx(spatial.ConvexHull(points).volume)  # in 2-D that is the area


@pytest.mark.parametrize(
    ("points", "area"),
    [
        ([[0, 0], [2, 0], [2, 1], [0, 1], [1, 0.5], [1, 1]], 2.0),
        ([[0, 0], [1, 1], [2, 2]], 0.0),
        ([[0, 0], [1, 0]], 0.0),
        ([[3, 3]], 0.0),
        ([[3, 3], [3, 3], [3, 3]], 0.0),
        ([[0, 0], [0, 0], [1, 0], [1, 0], [0, 1]], 0.5),
    ],
)
def test_hull_area_of_simple_and_degenerate_points(points: list[list[float]], area: float) -> None:
    assert hull_area(np.array(points, np.float32)) == pytest.approx(area)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mode", "sideways"),
        ("start", "last"),
        ("strength", -0.1),
        ("strength", 2.1),
        ("strength", float("nan")),
        ("strength", float("inf")),
    ],
)
def test_an_option_out_of_range_is_named(name: str, value: object) -> None:
    with pytest.raises(InvalidOption, match=name):
        TransferOptions(**{name: value})
