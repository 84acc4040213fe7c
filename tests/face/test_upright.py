from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from reenact.face.align import extract_crop
from reenact.face.upright import extract_softened, extract_upright
from reenact.types import Crop, Picture


@pytest.fixture(scope="module")
def photo() -> Picture:
    noise = np.random.default_rng(3).integers(0, 255, (12, 16, 3), np.uint8)
    return np.asarray(Image.fromarray(noise).resize((640, 480), Image.Resampling.BICUBIC))


@pytest.mark.parametrize("crop", [Crop(100, 60, 300), Crop(120, 80, 300, 0.3), Crop(90, 50, 400, -2.0)])
@pytest.mark.parametrize("size", [128, 256, 512])
def test_a_square_is_cut_out_as_that_of_a_still_picture(photo: Picture, crop: Crop, size: int) -> None:
    found, wanted = extract_upright(photo, crop, size), extract_crop(photo, crop, size)
    assert found.shape == (size, size, 3)
    assert np.abs(found.astype(int) - wanted).mean() < 1.5


@pytest.mark.parametrize("crop", [Crop(-80, -40, 400), Crop(420, 200, 400, 0.4)])
def test_what_lies_beyond_the_picture_is_blurred_and_the_rest_is_not(photo: Picture, crop: Crop) -> None:
    plain, soft = extract_upright(photo, crop, 256), extract_softened(photo, crop, 256)
    at = (np.arange(256) + 0.5) / 128 - 1
    pixels = crop.to_pixels(np.stack(np.meshgrid(at, at), -1))
    inside = ((pixels > 12) & (pixels < np.array([640, 480]) - 12)).all(-1)
    beyond = ((pixels < -40) | (pixels > np.array([640, 480]) + 40)).any(-1)
    np.testing.assert_array_equal(plain[inside], soft[inside])
    assert np.abs(np.diff(soft.astype(int), axis=0))[:, 1:][beyond[1:, 1:]].max() < 12
    assert np.abs(soft.astype(int) - extract_crop(photo, crop, 256))[beyond].mean() < 12
