from __future__ import annotations

import numpy as np
import pytest

from reenact.evaluation.regions import background_change, flicker, head_mask
from reenact.types import FloatArray

pytest.importorskip("scipy", reason="optional part missing: scipy")


def ring(x: float = 128, y: float = 128, radius: float = 40) -> FloatArray:
    """A round face of 40 px radius."""
    angles = np.linspace(0, 2 * np.pi, 100, endpoint=False)
    return np.stack([x + radius * np.cos(angles), y + radius * np.sin(angles)], -1).astype(np.float32)


def test_head_mask_is_the_hull_widened_by_its_margin() -> None:
    mask = head_mask(ring(), (256, 256))
    widened = 40 + 0.35 * 80
    y, x = np.mgrid[:256, :256] + 0.5
    distance = np.hypot(x - 128, y - 128)
    assert mask[distance < widened - 2].all()
    assert not mask[distance > widened + 2].any()


def test_a_face_outside_the_picture_has_no_mask() -> None:
    assert not head_mask(ring(-200, -200), (256, 256)).any()


def test_change_inside_the_head_is_no_background_change() -> None:
    source = np.full((256, 256, 3), 100, np.uint8)
    made = np.stack([source] * 3)
    made[0, 100:150, 100:150] = 0  # the face
    made[1, 118:138, 160:180] = 0  # outside the source's face, inside the made one's
    made[2] += 51  # everything
    landmarks = np.stack([ring(), ring(x=150), ring()])
    assert background_change(made, source, landmarks, ring()) == pytest.approx([0, 0, 0.2])


def test_background_change_counts_only_outside_pixels() -> None:
    source = np.full((256, 256, 3), 100, np.uint8)
    made = source[None].copy()
    made[0, :20] = 151
    outside = ~head_mask(ring(), (256, 256))
    expected = 0.2 * 20 * 256 / outside.sum()
    assert background_change(made, source, ring()[None], ring())[0] == pytest.approx(expected)


def test_frames_without_a_face_have_no_background() -> None:
    source = np.zeros((256, 256, 3), np.uint8)
    lost = np.full((1, 100, 2), np.nan, np.float32)
    assert np.isnan(background_change(source[None], source, lost, ring())).all()
    assert np.isnan(background_change(source[None], source, ring()[None], lost[0])).all()


def test_flicker_is_measured_only_while_the_driving_is_still() -> None:
    made = np.zeros((5, 8, 8, 3), np.uint8)
    made[1:] += 51  # jumps between 0 and 1
    made[3:] += 51  # and between 2 and 3
    driving = np.stack([ring(x) for x in (100, 100.2, 104, 104, 104)])
    driving[4] = np.nan
    assert flicker(made, driving) == pytest.approx([0.2, 0.2])  # steps 0-1 and 2-3; 1-2 moves, 3-4 is lost
    assert len(flicker(made[:2], np.stack([ring(100), ring(110)]))) == 0
