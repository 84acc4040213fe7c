from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from reenact.compose.canvas import LARGEST, LARGEST_PER_SIZE, Canvas
from reenact.compose.placing import BORDER
from reenact.face.align import extract_crop
from reenact.types import Crop


def smooth(height: int, width: int) -> np.ndarray:
    """A picture with edges no sharper than those of a photo."""
    coarse = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def still(picture: np.ndarray, canvas: Canvas) -> np.ndarray:
    """The whole picture at the canvas's size by another road."""
    resized = Image.fromarray(picture).resize(canvas.size, Image.Resampling.BICUBIC)
    return np.asarray(resized)


CASES = {
    "inside": (300, 400, Crop(100.3, 60.7, 200.2), 256),
    "whole pixels": (300, 400, Crop(100, 60, 128), 256),
    "beyond the left and top": (300, 400, Crop(-40.5, -30.2, 220), 256),
    "beyond the right and bottom": (300, 400, Crop(250.6, 160.4, 210), 256),
    "beyond all edges": (200, 180, Crop(-60, -50, 310), 256),
    "the picture itself": (256, 256, Crop(0, 0, 256), 256),
    "tiny picture": (50, 40, Crop(-10.5, -6, 61), 256),
    "odd sides": (301, 403, Crop(120.9, 90.1, 177.7), 256),
    "large square": (300, 400, Crop(100, 60, 180), 512),
    "huge picture": (2600, 2000, Crop(700, 500, 1100), 512),
    "small face in a wide picture": (1500, 3000, Crop(1400, 500, 110), 256),
}


@pytest.mark.parametrize("case", CASES)
def test_pasting_the_unchanged_cut_changes_nothing(case: str) -> None:
    height, width, crop, size = CASES[case]
    picture = smooth(height, width)
    canvas = Canvas(picture, crop, size)
    pasted = canvas.paste(extract_crop(picture, crop, size)).astype(int)
    untouched = canvas._still.astype(int)
    assert pasted.shape == untouched.shape
    assert np.abs(pasted - untouched).max() <= 4
    assert np.abs(pasted - untouched).mean() < 0.7
    # The still picture is the whole picture: at most a pixel or two is lost at the right and bottom.
    assert np.abs(pasted - still(picture, canvas)).mean() < 4


@pytest.mark.parametrize("case", CASES)
def test_sides_are_even_and_within_the_limits(case: str) -> None:
    height, width, crop, size = CASES[case]
    canvas = Canvas(smooth(height, width), crop, size)
    assert canvas.size[0] % 2 == canvas.size[1] % 2 == 0
    assert max(canvas.size) <= min(LARGEST, LARGEST_PER_SIZE * size)
    # The proportions are kept.
    assert abs(canvas.size[0] / canvas.size[1] - width / height) < 0.05 * width / height


@pytest.mark.parametrize("side", [100.0, 117.3, 33.1, 250.9])
def test_a_result_never_exceeds_the_limit_by_rounding(side: float) -> None:
    canvas = Canvas(smooth(900, 8000), Crop(3000, 300, side), 512)
    assert max(canvas.size) <= LARGEST


def test_the_square_keeps_its_pixels_where_there_is_room() -> None:
    """No resampling: what is pasted in the middle is what was given."""
    canvas = Canvas(smooth(400, 400), Crop(100, 100, 200), 256)
    noise = np.random.default_rng(1).integers(0, 256, (256, 256, 3), np.uint8)
    result = canvas.paste(noise)
    assert canvas.size == (512, 512)
    inner = slice(40, -40)
    assert np.array_equal(result[128:384, 128:384][inner, inner], noise[inner, inner])


def test_a_border_inside_the_picture_fades_and_shows_no_seam() -> None:
    canvas = Canvas(np.zeros((600, 600, 3), np.uint8), Crop(150, 150, 256), 256)
    result = canvas.paste(np.full((256, 256, 3), 255, np.uint8)).astype(int)
    left, top = 150, 150
    square = result[top : top + 256, left : left + 256, 0]
    assert square[100:156, 100:156].min() == 255
    border = np.concatenate([square[0], square[-1], square[:, 0], square[:, -1]])
    assert border.max() <= 1
    steps = max(np.abs(np.diff(result[..., 0], axis=axis)).max() for axis in (0, 1))
    assert steps <= 255 * 1.5 / (BORDER * 256) + 2  # the steepest step of a smooth fade
    outside = result.copy()
    outside[top : top + 256, left : left + 256] = 0
    assert not outside.any()


@pytest.mark.parametrize(
    ("crop", "edges", "faded"),
    [
        (Crop(0, 100, 256), ["left"], ["right", "top", "bottom"]),
        (Crop(-50, 100, 256), ["left"], ["right", "top", "bottom"]),
        (Crop(200, 200, 256), ["right", "bottom"], ["left", "top"]),
        (Crop(100, -20, 256), ["top"], ["left", "right", "bottom"]),
        (Crop(-20, -20, 440), ["left", "right", "top", "bottom"], []),
    ],
)
def test_at_the_pictures_edge_the_square_does_not_fade(
    crop: Crop, edges: list[str], faded: list[str]
) -> None:
    canvas = Canvas(np.zeros((400, 400, 3), np.uint8), crop, 256)
    result = canvas.paste(np.full((256, 256, 3), 255, np.uint8))[..., 0]
    rows, columns = np.nonzero(result)
    middle = (rows.min() + rows.max()) // 2, (columns.min() + columns.max()) // 2
    ends = {
        "left": result[middle[0], 0],
        "right": result[middle[0], -1],
        "top": result[0, middle[1]],
        "bottom": result[-1, middle[1]],
    }
    assert {edge for edge in edges if ends[edge] == 255} == set(edges)
    assert {edge for edge in faded if ends[edge] == 0} == set(faded)


def test_a_reduced_square_lands_on_its_place() -> None:
    """A small face in a large picture: the square is scaled down, and still lies where its crop is."""
    picture = np.zeros((1000, 4000, 3), np.uint8)
    crop = Crop(2000, 400, 100)
    canvas = Canvas(picture, crop, 256)
    result = canvas.paste(np.full((256, 256, 3), 255, np.uint8))[..., 0].astype(float)
    scale = canvas.size[0] / 4000
    y, x = np.mgrid[: result.shape[0], : result.shape[1]] + 0.5
    centre = np.array([(result * x).sum(), (result * y).sum()]) / result.sum()
    assert centre == pytest.approx([2050 * scale, 450 * scale], abs=1.5)
    assert (result == 255).any()


def test_pasting_does_not_change_the_canvas() -> None:
    canvas = Canvas(smooth(300, 300), Crop(50, 50, 200), 256)
    first = canvas.paste(np.zeros((256, 256, 3), np.uint8))
    canvas.paste(np.full((256, 256, 3), 255, np.uint8))
    assert np.array_equal(canvas.paste(np.zeros((256, 256, 3), np.uint8)), first)
