from __future__ import annotations

import numpy as np
import pytest

from reenact.mouth.shading import alpha_over, blur, closed_curve, polygon, smoothstep


def test_smoothstep_rises_from_0_to_1_between_its_bounds() -> None:
    assert smoothstep(np.array([0.0, 1.0, 2.0, 3.0, 4.0]), 1, 3) == pytest.approx([0, 0, 0.5, 1, 1])


def test_polygon_covers_its_inside_and_parts_of_pixels_at_its_edge() -> None:
    covered = polygon(np.array([[2, 2], [8, 2], [8, 5.5], [2, 5.5]]), 10, 8)
    assert covered.shape == (8, 10)
    assert covered[3, 5] == 1
    assert 0.2 < covered[5, 5] < 0.8
    assert covered[7].max() == 0


def test_blur_keeps_the_mean_of_alpha_and_of_colours(rng: np.random.Generator) -> None:
    alpha, colours = rng.random((40, 40), np.float32), 255 * rng.random((40, 40, 3), np.float32)
    assert blur(alpha, 2).mean() == pytest.approx(alpha.mean(), abs=0.02)
    assert blur(colours, 2).mean() == pytest.approx(colours.mean(), abs=4)


def test_over_mixes_by_alpha() -> None:
    below, colour = np.zeros((1, 3, 3), np.float32), np.full((1, 3, 3), 100, np.float32)
    assert alpha_over(below, colour, np.array([[0, 0.5, 1]], np.float32))[0, :, 0].tolist() == [0, 50, 100]


def test_a_closed_curve_passes_through_its_points() -> None:
    ring = np.array([[0, 0], [4, 0], [4, 4], [0, 4]], np.float32)
    curve = closed_curve(ring, 5)
    assert len(curve) == 20
    assert curve[::5] == pytest.approx(ring)
