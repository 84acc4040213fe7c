from __future__ import annotations

import numpy as np
import pytest

from reenact.compose.canvas import Canvas
from reenact.compose.placing import BORDER, place_rotated
from reenact.face.align import extract_crop
from reenact.types import Crop
from tests.compose.test_canvas import smooth

ANGLES = [13, 30, 45, 60, 90, 135, 180, -90, -20]


@pytest.mark.parametrize("degrees", ANGLES)
@pytest.mark.parametrize(
    "crop", [Crop(100, 80, 200), Crop(-40, 60, 220), Crop(230, 150, 230)], ids=["inside", "left", "corner"]
)
def test_what_was_cut_out_turned_goes_back_where_it_was(degrees: int, crop: Crop) -> None:
    crop = Crop(crop.left, crop.top, crop.side, np.radians(degrees))
    picture = smooth(300, 400)
    canvas = Canvas(picture, crop, 256)
    still = canvas._still.astype(int)
    assert np.abs(canvas.paste(extract_crop(picture, crop, 256)) - still).max() <= 4


@pytest.mark.parametrize("degrees", ANGLES)
def test_a_turned_square_fades_and_nothing_outside_it_changes(degrees: int) -> None:
    canvas = Canvas(np.zeros((500, 500, 3), np.uint8), Crop(150, 150, 200, np.radians(degrees)), 200)
    pasted = canvas.paste(np.full((200, 200, 3), 255, np.uint8))[..., 0].astype(int)
    y, x = np.mgrid[:500, :500] + 0.5
    units = np.abs(Crop(150, 150, 200, np.radians(degrees)).to_units(np.stack([x, y], -1))).max(-1)
    assert (pasted[units > 1] == 0).all()
    assert (pasted[units < 1 - 2 * BORDER - 0.01] == 255).all()
    assert np.abs(np.diff(pasted, axis=0)).max() < 20 and np.abs(np.diff(pasted, axis=1)).max() < 20


@pytest.mark.parametrize("quarter", [np.pi / 2, np.pi, -np.pi / 2])
def test_a_square_that_is_the_picture_does_not_fade(quarter: float) -> None:
    """A photo that lies on its side: there is nothing beyond its edges to fade into."""
    placed = place_rotated(Crop(0, 0, 64, quarter), 64, (64, 64))
    assert (placed.rows, placed.columns) == (slice(0, 64), slice(0, 64))
    assert (placed.alpha > 0.99).all()


def test_turning_keeps_what_is_painted_sharp() -> None:
    """Stripes of two pixels lose little when a square is turned back by a quarter."""
    stripes = np.repeat(np.tile([[40], [40], [210], [210]], (64, 1)), 256, 1).astype(np.uint8)
    square = np.stack([stripes] * 3, -1)
    placed = place_rotated(Crop(0, 0, 256, np.pi / 2), 256, (256, 256))
    assert np.abs(placed.render(square).astype(int) - square.transpose(1, 0, 2)[:, ::-1]).mean() < 3
