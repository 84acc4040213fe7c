from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from reenact.blending.detail import Detail, apply, measure
from reenact.blending.mask import mask
from reenact.types import Picture
from tests.blending.faces import SIZE, driven, landmarks, painted

POINTS = landmarks()
ALPHA = mask(POINTS, driven(POINTS), SIZE)


def textured(rng: np.random.Generator) -> Picture:
    """A face with wrinkles and pores of many sizes, and a smooth forehead and cheeks between."""
    face = painted().astype(np.float32)
    marks = np.zeros((SIZE, SIZE), np.float32)
    for y, x in rng.integers(60, 196, (60, 2)):
        marks[y, x : x + 6] = -70
    return np.clip(face + marks[..., None], 0, 255).astype(np.uint8)


def blurred(picture: Picture, sigma: float) -> Picture:
    return np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(sigma)))


def noisy(picture: Picture, sigma: float, rng: np.random.Generator, channels: int = 1) -> Picture:
    noise = rng.normal(0, sigma, (*picture.shape[:2], channels))
    return np.clip(picture + noise + 0.5, 0, 255).astype(np.uint8)


def test_a_face_like_its_clip_needs_nothing(rng: np.random.Generator) -> None:
    square = textured(rng)
    detail = measure([square], [square], [ALPHA])
    assert detail == Detail()
    assert np.array_equal(apply(square, detail, 3), square)


@pytest.mark.parametrize("sigma", [0.6, 1.0, 2.0])
def test_the_blur_of_a_soft_clip_is_measured(sigma: float, rng: np.random.Generator) -> None:
    square = textured(rng)
    detail = measure([square], [blurred(square, sigma)], [ALPHA])
    assert detail.blur == pytest.approx(sigma, abs=0.25)
    assert detail.sharpen == detail.grain == 0
    assert np.abs(apply(square, detail, 0).astype(int) - blurred(square, sigma)).mean() < 1


def test_a_soft_face_in_a_sharp_clip_is_sharpened_but_not_much(rng: np.random.Generator) -> None:
    sharp = textured(rng)
    soft = blurred(sharp, 1.2)
    detail = measure([soft], [sharp], [ALPHA])
    assert detail.blur == 0
    assert 0 < detail.sharpen <= 1
    faces = (soft, apply(soft, detail, 0), sharp)
    steps = [np.diff(face[..., 1].astype(int), axis=0)[ALPHA[1:] > 0.9].std() for face in faces]
    assert 1.1 * steps[0] < steps[1] < steps[2]


@pytest.mark.parametrize("sigma", [2.5, 5.0, 10.0])
def test_the_grain_of_a_clip_is_measured_and_laid_on(sigma: float, rng: np.random.Generator) -> None:
    squares = [blurred(painted(), 1.0)] * 3
    targets = [noisy(square, sigma, rng) for square in squares]
    detail = measure(squares, targets, [ALPHA] * 3)
    assert detail.grain == pytest.approx(sigma, rel=0.2)
    assert detail.coloured < 0.3
    added = apply(squares[0], detail, 0).astype(int) - apply(
        squares[0], Detail(detail.blur, detail.sharpen), 0
    )
    assert added[130:150, 85:105].std() == pytest.approx(sigma, rel=0.3)


def test_noise_that_differs_between_channels_is_told_from_grey_grain(rng: np.random.Generator) -> None:
    square = blurred(painted(), 1.0)
    assert measure([square], [noisy(square, 5, rng, 3)], [ALPHA]).coloured > 0.6


def test_grain_is_the_same_for_a_frame_and_another_for_the_next() -> None:
    square, detail = painted(), Detail(grain=5, coarse=0.7, coloured=0.5)
    first, again, following = (apply(square, detail, frame) for frame in (7, 7, 8))
    assert np.array_equal(first, again)
    ours, theirs = (
        picture[100:200, 100:150].astype(int) - square[100:200, 100:150] for picture in (first, following)
    )
    assert abs(np.corrcoef(ours.ravel(), theirs.ravel())[0, 1]) < 0.1


def test_grey_grain_keeps_a_grey_face_grey() -> None:
    square = np.repeat(painted()[..., :1], 3, 2)
    assert np.ptp(apply(square, Detail(blur=1.0, grain=8), 1).astype(int), axis=2).max() == 0


def test_coarse_grain_differs_less_between_neighbours() -> None:
    square = np.full((SIZE, SIZE, 3), 128, np.uint8)
    fine, coarse = (
        apply(square, Detail(grain=8, coarse=width), 1)[..., 0].astype(int) for width in (0.0, 1.2)
    )
    assert np.diff(coarse).std() < 0.6 * np.diff(fine).std()
    assert coarse.std() == pytest.approx(8, rel=0.1)


def test_measuring_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        measure([], [], [])
