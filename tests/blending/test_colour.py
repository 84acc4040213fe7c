from __future__ import annotations

import numpy as np
import pytest

from reenact.blending.colour import COEFFICIENTS, apply, fit
from reenact.blending.mask import mask
from reenact.types import FloatArray, Picture
from tests.blending.faces import SIZE, SKIN, driven, landmarks, painted

POINTS = landmarks()
ALPHA = mask(POINTS, driven(POINTS), SIZE)
CHEEKS, FOREHEAD, CHIN = np.s_[138:150, 90:100], np.s_[64:76, 120:136], np.s_[200:206, 122:134]


def swapped(square: Picture, target: Picture) -> Picture:
    return apply(square, fit(square, target, ALPHA, POINTS))


def lit(picture: Picture, light: FloatArray) -> Picture:
    return np.clip(picture * light + 0.5, 0, 255).astype(np.uint8)


def apart(a: Picture, b: Picture, *places: tuple[slice, slice]) -> float:
    """Greatest difference, in levels, between the mean colours of some places."""
    return max(float(np.abs(a[place].mean((0, 1)) - b[place].mean((0, 1))).max()) for place in places)


def test_a_face_on_itself_stays_as_it_is() -> None:
    square = painted()
    coefficients = fit(square, square, ALPHA, POINTS)
    assert coefficients.shape == (COEFFICIENTS,)
    assert coefficients.dtype == np.float32
    assert np.abs(apply(square, coefficients).astype(int) - square).max() <= 1


@pytest.mark.parametrize("tint", [(0.5, 0.6, 0.9), (0.9, 0.5, 0.4), (1.1, 1.1, 1.0), (0.25, 0.25, 0.3)])
def test_light_of_a_known_tint_is_recovered(tint: tuple[float, float, float]) -> None:
    square = painted()
    target = lit(square, np.array(tint, np.float32))
    assert apart(swapped(square, target), target, CHEEKS, FOREHEAD, CHIN) < 4


def test_light_from_the_side_is_recovered() -> None:
    square = painted()
    target = lit(square, np.linspace(0.45, 1.1, SIZE, dtype=np.float32)[None, :, None])
    left, right = np.s_[138:150, 90:100], np.s_[138:150, 156:166]
    assert apart(square, target, left) > 50
    assert apart(swapped(square, target), target, left, right, FOREHEAD) < 8


@pytest.mark.parametrize(("ours", "theirs"), [(SKIN, (88, 56, 42)), ((88, 56, 42), SKIN)])
def test_skin_becomes_that_of_the_clip_and_keeps_its_features(
    ours: tuple[float, float, float], theirs: tuple[float, float, float]
) -> None:
    result, target = swapped(painted(ours), painted(theirs)), painted(theirs)
    assert apart(result, target, CHEEKS, FOREHEAD, CHIN) < 5
    eye, lips = result[112, 97].astype(int), result[178, 128].astype(int)
    assert eye.mean() < 0.5 * np.mean(theirs)
    assert lips[0] / lips[1] > 1.2 * theirs[0] / theirs[1]


@pytest.mark.parametrize("bearded", ["selfie", "clip"])
def test_a_beard_does_not_colour_the_skin(bearded: str) -> None:
    square = painted((190, 140, 120), beard=bearded == "selfie")
    target = painted((150, 120, 110), beard=bearded == "clip")
    assert apart(swapped(square, target), target, CHEEKS, FOREHEAD) < 5


def test_a_grey_clip_gives_a_grey_face() -> None:
    target = np.repeat(painted()[..., 1:2] // 2 + 60, 3, 2)
    result = swapped(painted((180, 130, 90)), target).astype(int)
    assert np.ptp(result, axis=2).max() <= 1
    assert apart(result, target, CHEEKS, FOREHEAD) < 4


def test_a_toned_clip_gives_a_face_of_its_tone() -> None:
    grey = np.repeat(painted()[..., 1:2], 3, 2) / np.float32(255)
    target = (255 * grey ** np.array([0.85, 1, 1.3], np.float32)).astype(np.uint8)
    result = swapped(painted((180, 130, 90)), target)[ALPHA > 0.9].astype(np.float32) / 255
    middle = result[(result[:, 1] > 0.15) & (result[:, 1] < 0.85)]
    assert np.abs(middle[:, 0] - middle[:, 1] ** 0.85).max() < 0.06
    assert np.abs(middle[:, 2] - middle[:, 1] ** 1.3).max() < 0.06


def test_nothing_burns_out_where_a_dark_face_steps_into_bright_light() -> None:
    square = lit(painted((88, 56, 42)), np.linspace(0.7, 1.5, SIZE, dtype=np.float32)[None, :, None])
    result = swapped(square, painted((235, 205, 190)))
    assert result[ALPHA > 0.5].min(1).max() < 225
    assert max(result[place].max() for place in (CHEEKS, FOREHEAD, CHIN)) < 250


def test_coefficients_between_two_lights_give_a_light_between() -> None:
    square = painted()
    dim, bright = (fit(square, lit(square, np.float32(share)), ALPHA, POINTS) for share in (0.5, 1.0))
    halfway = apply(square, (dim + bright) / 2)[CHEEKS].mean()
    assert apply(square, dim)[CHEEKS].mean() + 15 < halfway < apply(square, bright)[CHEEKS].mean() - 15


def test_noise_hardly_moves_the_coefficients(rng: np.random.Generator) -> None:
    square, target = painted(), painted((150, 120, 110))
    noisy = np.clip(target + rng.normal(0, 6, target.shape), 0, 255).astype(np.uint8)
    steady, shaken = (apply(square, fit(square, frame, ALPHA, POINTS)) for frame in (target, noisy))
    assert np.abs(steady.astype(int) - shaken)[ALPHA > 0.5].mean() < 2


def test_no_skin_at_all_still_gives_numbers() -> None:
    square = painted()
    result = apply(square, fit(square, square, np.zeros_like(ALPHA), POINTS))
    assert result.shape == square.shape
