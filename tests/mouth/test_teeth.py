from __future__ import annotations

import numpy as np
import pytest

from reenact.engine import Engine
from reenact.face.align import choose
from reenact.mouth.teeth import HEIGHT, WIDTH, extract_teeth, nearest_teeth, teeth_bank
from reenact.types import FloatArray, Picture


@pytest.fixture(scope="module")
def smile(engine: Engine, portrait: Picture) -> FloatArray:
    """Landmarks of the portrait, who smiles with her upper teeth."""
    return choose(engine.finder.find(portrait)).landmarks


def test_the_bank_holds_whole_rows_with_gums_above() -> None:
    assert len(teeth_bank()) == 5
    for teeth in teeth_bank():
        assert teeth.picture.shape == (HEIGHT, WIDTH, 4)
        middle = teeth.picture[:, WIDTH // 2 - 10 : WIDTH // 2 + 10].astype(float).mean(1)
        crown, gum, below = middle[int(teeth.edge) - 15], middle[10], middle[int(teeth.edge) + 20]
        assert crown[:3].min() > 170 and crown[3] > 200
        assert gum[0] > 1.3 * gum[1] and gum[3] == 255
        assert below[3] < 5


def test_the_bank_is_sorted_and_asked_by_width() -> None:
    widths = [teeth.width for teeth in teeth_bank()]
    assert widths == sorted(widths)
    assert nearest_teeth(0).width == widths[0]
    assert nearest_teeth(9).width == widths[-1]


def test_a_smile_shows_its_own_teeth(portrait: Picture, smile: FloatArray) -> None:
    teeth = extract_teeth(portrait, smile)
    assert teeth is not None
    assert 0.6 < teeth.brightness <= 255 / 235
    assert 0.35 < teeth.width < 0.75


def test_lips_are_no_teeth(portrait: Picture, smile: FloatArray) -> None:
    red = portrait.copy()
    red[..., 1:] //= 2
    assert extract_teeth(red, smile) is None


def test_a_dark_mouth_has_no_teeth(portrait: Picture, smile: FloatArray) -> None:
    assert extract_teeth(np.zeros_like(portrait), smile) is None
