"""The label can be read, says the same in every language's way, and leaves faces alone."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from PIL import Image

from reenact.errors import InvalidOption
from reenact.provenance.label import LABELS, LANGUAGES, Label, Language
from reenact.provenance.render_labels import WORDS

SIZES = [(256, 256), (454, 506), (1024, 1024), (1076, 1916), (1918, 800)]
GREYS = (0, 128, 255)


def frame(size: tuple[int, int], level: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.full((size[1], size[0], 3), level, np.uint8)


def test_every_language_has_words_and_a_picture_of_its_own() -> None:
    assert set(WORDS) == set(LANGUAGES)
    pictures = {language: (LABELS / f"{language}.png").read_bytes() for language in LANGUAGES}
    assert all(pictures[one] != pictures[other] for one, other in combinations(LANGUAGES, 2))
    assert {path.stem for path in LABELS.glob("*.png")} == set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", SIZES)
def test_it_is_legible_on_light_and_on_dark(language: Language, size: tuple[int, int]) -> None:
    label = Label(language, size, [])
    left, top, right, bottom = label.box
    assert 0 < left < right < size[0] and 0 < top < bottom < size[1]
    assert 20 <= bottom - top <= 0.08 * max(size)
    for level in GREYS:
        before = frame(size, level)
        after = label.blend(before)
        inside = after[top:bottom, left:right].astype(int)
        # White letters on what stays dark: WCAG 2.2 asks for a contrast of 4.5 between the two.
        assert contrast(np.percentile(inside, 99), np.percentile(inside, 40)) > 4.5
        after[top:bottom, left:right] = before[top:bottom, left:right]
        assert (after == before).all()


def contrast(light: float, dark: float) -> float:
    """Of two grey levels, by WCAG's relative luminance."""
    one, other = (((level / 255 + 0.055) / 1.055) ** 2.4 + 0.05 for level in (light, dark))
    return float(one / other)


def test_reading_begins_where_the_label_lies() -> None:
    assert Label("en", (256, 256), []).box[0] < 128
    assert Label("ar", (256, 256), []).box[2] > 128


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("corner", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_it_goes_where_no_face_is(language: Language, corner: tuple[int, int]) -> None:
    """Faces fill three corners of four; it takes the fourth."""
    size = (512, 512)
    faces = [
        (x * 300.0, y * 300.0, x * 300 + 200.0, y * 300 + 200.0)
        for x in (0, 1)
        for y in (0, 1)
        if (x, y) != corner
    ]
    left, top, right, bottom = Label(language, size, faces).box
    assert ((left + right) // 2 > 256, (top + bottom) // 2 > 256) == (bool(corner[0]), bool(corner[1]))


@pytest.mark.parametrize("size", [(2, 2), (16, 40), (66, 98), (98, 4)])
def test_frames_too_small_for_it_are_no_error(size: tuple[int, int]) -> None:
    assert Label("ar", size, []).blend(frame(size, 90)).shape == (size[1], size[0], 3)


def test_a_language_without_a_label_is_refused() -> None:
    with pytest.raises(InvalidOption, match="en, nl, ar"):
        Label("tlh", (256, 256), [])  # type: ignore[arg-type]


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_are_white_on_dark(language: Language) -> None:
    light, opacity = Image.open(LABELS / f"{language}.png").split()
    assert np.asarray(opacity).max() == 255  # the letters hide what is behind them
    assert 120 < np.asarray(opacity)[48, 20] < 220  # the pill does not
    assert np.asarray(light)[48, 20] == 0
