from __future__ import annotations

import numpy as np
import pytest

from reenact.blending.hair import without_hair
from reenact.blending.mask import mask
from reenact.types import Picture
from tests.blending.faces import SIZE, driven, landmarks, painted

POINTS = landmarks()
DRIVEN = driven(POINTS)
ALPHA = mask(POINTS, DRIVEN, SIZE)
FOREHEAD, BROWS = np.s_[62:70, 110:155], np.s_[90:100, 82:174]
MOUTH, CHEEKS = np.s_[165:190, 100:156], np.s_[130:150, 85:170]


def with_fringe() -> Picture:
    square = painted().copy()
    square[:78, 100:170] = (50, 35, 25)
    return square


def test_a_bare_forehead_stays_in_the_mask() -> None:
    alpha = without_hair(ALPHA, painted(), POINTS, DRIVEN)
    for place in (FOREHEAD, BROWS, MOUTH, CHEEKS):
        assert alpha[place] == pytest.approx(ALPHA[place], abs=0.05)


def test_a_fringe_is_left_out_but_no_brow_and_no_mouth() -> None:
    alpha = without_hair(ALPHA, with_fringe(), POINTS, DRIVEN)
    assert alpha[FOREHEAD].max() < 0.2
    assert np.all(alpha <= ALPHA)
    for place in (BROWS, MOUTH, CHEEKS):
        assert alpha[place] == pytest.approx(ALPHA[place], abs=0.15)


def test_a_beard_stays() -> None:
    beard = np.s_[180:210, 90:166]
    assert without_hair(ALPHA, painted(beard=True), POINTS, DRIVEN)[beard] == pytest.approx(
        ALPHA[beard], abs=0.05
    )
