from __future__ import annotations

import numpy as np
import pytest

from reenact.face.square_sampling import Square, sample_square, to_network_input


@pytest.mark.parametrize(
    ("angle", "corner"),
    [(0.0, (6, 16)), (np.pi / 2, (14, 16)), (np.pi, (14, 24)), (-np.pi / 2, (6, 24))],
)
def test_the_first_corner_turns_clockwise(angle: float, corner: tuple[float, float]) -> None:
    square = Square(10, 20, 8, angle)
    np.testing.assert_allclose(square.to_pixels(np.array([0.0, 0.0])), corner, atol=1e-5)
    np.testing.assert_allclose(square.to_pixels(np.array([0.5, 0.5])), (10, 20))


def test_from_pixels_is_the_way_back(rng: np.random.Generator) -> None:
    square, points = Square(10, 20, 8, 0.7), rng.normal(0.5, 0.4, (3, 5, 2))
    np.testing.assert_allclose(square.from_pixels(square.to_pixels(points)), points, atol=1e-5)


@pytest.fixture
def picture(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 256, (60, 80, 3), np.uint8)


def test_an_upright_square_on_whole_pixels_is_a_slice(picture: np.ndarray) -> None:
    assert np.array_equal(sample_square(picture, Square(30, 25, 20), 20), picture[15:35, 20:40])


def test_a_quarter_turn_is_a_turned_slice(picture: np.ndarray) -> None:
    found = sample_square(picture, Square(30, 25, 20, np.pi / 2), 20).astype(int)
    assert np.abs(found - np.rot90(picture[15:35, 20:40])).max() <= 1


def test_outside_the_picture_it_is_black(picture: np.ndarray) -> None:
    found = sample_square(picture + 1, Square(0, 0, 40), 40)
    assert not found[:20].any()
    assert not found[:, :20].any()
    assert np.array_equal(found[20:, 20:], (picture + 1)[:20, :20])


@pytest.mark.parametrize("side", [64, 100, 640])
def test_a_large_square_is_reduced_without_a_shift(side: int) -> None:
    y, x = np.mgrid[:700, :700] + 0.5
    ramp = np.stack([x - 350, y - 330, x * 0], -1) / side * 255 + 127.5
    found = sample_square(np.clip(ramp, 0, 255).astype(np.uint8), Square(350, 330, side), 32)
    expected = (np.arange(32) + 0.5) / 32 * 255  # one pixel of the result is 8 grey levels
    inner = slice(1, -1)
    np.testing.assert_allclose(found[16, inner, 0], expected[inner], atol=2)
    np.testing.assert_allclose(found[inner, 16, 1], expected[inner], atol=2)


def test_fine_stripes_do_not_alias() -> None:
    stripes = np.zeros((640, 640, 3), np.uint8)
    stripes[:, ::2] = 255
    assert np.ptp(sample_square(stripes, Square(320, 320, 640), 64)) <= 2


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-1.0, 1.0)])
def test_an_input_spans_its_range(low: float, high: float) -> None:
    picture = np.zeros((4, 5, 3), np.uint8)
    picture[1, 2] = 255, 0, 51
    found = to_network_input(picture, low, high)
    assert found.shape == (1, 3, 4, 5)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[0, :, 1, 2], [high, low, low + 0.2 * (high - low)], atol=1e-6)


@pytest.mark.parametrize("square", [Square(300, 200, 40, 0.5), Square(290, 210, 333, 1.0), Square(3, 2, 90)])
def test_of_a_large_picture_only_the_part_around_matters(rng: np.random.Generator, square: Square) -> None:
    near = rng.integers(0, 256, (500, 600, 3), np.uint8)
    far = np.zeros((3000, 2600, 3), np.uint8)
    far[1600:2100, 1200:1800] = near
    moved = Square(square.x + 1200, square.y + 1600, square.side, square.angle)
    inside = np.pad(near, ((200, 200), (200, 200), (0, 0)))
    expected = sample_square(inside, Square(square.x + 200, square.y + 200, square.side, square.angle), 32)
    assert np.abs(sample_square(far, moved, 32).astype(int) - expected).max() <= 1


def test_a_square_beyond_the_picture_is_black(rng: np.random.Generator) -> None:
    picture = rng.integers(1, 256, (50, 60, 3), np.uint8)
    for x, y in ((-400, 20), (20, -400), (900, 900), (60, 1200)):
        assert not sample_square(picture, Square(x, y, 300, 0.3), 32).any()
