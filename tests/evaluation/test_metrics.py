from __future__ import annotations

import numpy as np
import pytest

from reenact.evaluation import metrics

pytest.importorskip("scipy", reason="optional part missing: scipy")


@pytest.fixture
def clip(rng: np.random.Generator) -> metrics.Clip:
    return rng.integers(40, 200, (3, 64, 64, 3), dtype=np.uint8)


def test_equal_clips_are_perfect(clip: metrics.Clip) -> None:
    assert metrics.l1(clip, clip).tolist() == [0, 0, 0]
    assert metrics.psnr(clip, clip).tolist() == [100, 100, 100]
    assert metrics.ssim(clip, clip) == pytest.approx([1, 1, 1])


@pytest.mark.parametrize(
    ("step", "l1", "psnr"), [(1, 1 / 255, 48.1308), (25, 25 / 255, 20.1720), (51, 0.2, 13.9794)]
)
def test_a_uniform_change_has_known_values(clip: metrics.Clip, step: int, l1: float, psnr: float) -> None:
    brighter = clip + np.uint8(step)
    assert metrics.l1(brighter, clip) == pytest.approx([l1] * 3)
    assert metrics.l1(clip, brighter) == pytest.approx([l1] * 3)  # uint8 must not wrap around
    assert metrics.psnr(clip, brighter) == pytest.approx([psnr] * 3, abs=1e-3)


def test_each_frame_has_its_own_value(clip: metrics.Clip) -> None:
    other = clip.copy()
    other[1] += 10
    assert metrics.l1(other, clip) == pytest.approx([0, 10 / 255, 0])


def test_psnr_of_noise_of_known_deviation(rng: np.random.Generator) -> None:
    grey = np.full((1, 256, 256, 3), 128, np.uint8)
    noisy = np.clip(np.round(grey + rng.normal(0, 10, grey.shape)), 0, 255).astype(np.uint8)
    assert metrics.psnr(noisy, grey)[0] == pytest.approx(20 * np.log10(255 / 10), abs=0.05)


def test_ssim_of_constants_is_the_luminance_term() -> None:
    a, b = np.full((1, 32, 32, 3), 100, np.uint8), np.full((1, 32, 32, 3), 150, np.uint8)
    constant = (0.01 * 255) ** 2
    expected = (2 * 100 * 150 + constant) / (100**2 + 150**2 + constant)
    assert metrics.ssim(a, b)[0] == pytest.approx(expected, abs=1e-3)


def test_ssim_falls_with_noise_and_with_inversion(clip: metrics.Clip, rng: np.random.Generator) -> None:
    values = [
        metrics.ssim((clip + rng.integers(0, n, clip.shape, dtype=np.uint8)), clip).mean()
        for n in (5, 20, 50)
    ]
    assert 1 > values[0] > values[1] > values[2] > 0
    assert metrics.ssim(255 - clip, clip).max() < 0


def test_ssim_agrees_with_the_formula_at_one_window(rng: np.random.Generator) -> None:
    a, b = rng.integers(0, 255, (2, 1, 11, 11, 3), dtype=np.uint8)
    offsets = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
    weight = np.outer(offsets, offsets)[..., None] / offsets.sum() ** 2
    x, y = a[0].astype(float), b[0].astype(float)
    mean_x, mean_y = (weight * x).sum((0, 1)), (weight * y).sum((0, 1))
    variance_x, variance_y = (
        (weight * (x - mean_x) ** 2).sum((0, 1)),
        (weight * (y - mean_y) ** 2).sum((0, 1)),
    )
    covariance = (weight * (x - mean_x) * (y - mean_y)).sum((0, 1))
    c1, c2 = 2.55**2, 7.65**2
    expected = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    expected /= (mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2)
    assert metrics.ssim(a, b)[0] == pytest.approx(expected.mean(), abs=1e-4)


def test_clips_of_different_shape_are_refused(clip: metrics.Clip) -> None:
    for figure in (metrics.l1, metrics.psnr, metrics.ssim):
        with pytest.raises(ValueError, match="shapes differ"):
            figure(clip, clip[:2])


def test_landmark_distance_is_the_mean_length_and_nan_without_a_face() -> None:
    true = np.zeros((2, 478, 2), np.float32)
    made = true + np.array([3, 4], np.float32)
    made[1] = np.nan
    assert metrics.landmark_distance(made, true) == pytest.approx([5, np.nan], nan_ok=True)


def test_cosine_ignores_length() -> None:
    a = np.array([[1, 0], [1, 1], [2, 0]], np.float32)
    b = np.array([[5, 0], [1, -1], [-1, 0]], np.float32)
    assert metrics.cosine(a, b) == pytest.approx([1, 0, -1])


def test_unit_length_leaves_zero_vectors() -> None:
    features = np.zeros((3, 1, 2), np.float32)
    features[:, 0, 0] = 1, 2, 2
    unit = metrics.unit_length(features)
    assert unit[:, 0, 0] == pytest.approx([1 / 3, 2 / 3, 2 / 3])
    assert not unit[:, 0, 1].any()


def test_vgg_distance_is_the_mean_over_pixels_then_taps() -> None:
    along_x = np.zeros((2, 1, 2), np.float32)
    along_x[0] = 1
    half = along_x.copy()
    half[:, 0, 1] = 0, 1  # one of two pixels is orthogonal: squared distance 2
    assert metrics.vgg_distance([along_x], [along_x]) == 0
    assert metrics.vgg_distance([half], [along_x]) == pytest.approx(1)
    assert metrics.vgg_distance([half, along_x], [along_x, along_x]) == pytest.approx(0.5)


CURVE = np.sin(np.arange(20.0))


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (CURVE, 1),
        (3 * CURVE + 7, 1),
        (-CURVE, -1),
        (np.zeros(20), 0),  # stands still while the driving moves
        (np.where(np.arange(20) % 3, CURVE, np.nan), 1),  # lost frames are left out
        (np.full(20, np.nan), np.nan),
    ],
)
def test_correlation(made: metrics.Figures, expected: float) -> None:
    assert metrics.correlation(made, CURVE, 0.1) == pytest.approx(expected, nan_ok=True)


def test_a_still_driving_has_no_correlation() -> None:
    assert np.isnan(metrics.correlation(CURVE, CURVE * 0.01, 0.1))
