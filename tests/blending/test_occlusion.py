"""The shipped network, on portraits before which things are drawn here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from reenact.blending.occlusion import OcclusionDetector, face_square, smoothed
from reenact.config import FACE_MODEL
from reenact.engine import Engine
from reenact.face.align import align, choose, extract_crop
from reenact.gallery.portraits import list_portraits
from reenact.media import read_picture
from reenact.runtime import ModelFolder, Session
from reenact.types import FloatArray, Picture

PORTRAITS = ("eileen-collins", "thomas-jefferson", "peter-i", "pocahontas")
DARK = ("pocahontas", "peter-i")  # painted shadows beside a thing are taken for a part of it
NOTHING = 0.03  # the share of a face that may be taken for something in front


@pytest.fixture(scope="module")
def detector() -> OcclusionDetector:
    """With the network that ships."""
    return OcclusionDetector(Session(ModelFolder(FACE_MODEL).path("occlusion"), device="cpu", threads=1))


@pytest.fixture(scope="module")
def squares(engine: Engine) -> dict[str, tuple[Picture, FloatArray]]:
    """Portraits' squares (256, 256, 3) and the landmarks in them."""
    found = {}
    for item in list_portraits():
        if item.id in PORTRAITS:
            picture = read_picture(item.path)
            face = choose(engine.finder.find(picture))
            crop = align(face)
            landmarks = (crop.to_units(face.landmarks) + 1) * 128
            found[item.id] = extract_crop(picture, crop, 256), np.asarray(landmarks, np.float32)
    return found


def inner(landmarks: FloatArray) -> NDArray[np.bool_]:
    """Where surely face is: an ellipse within its outline, from the brows to the chin."""
    top, bottom, right, left = (landmarks[index] for index in (9, 152, 234, 454))
    (x, y), a, b = (top + bottom) / 2, (left - right)[0] * 0.4, (bottom - top)[1] * 0.45
    rows, columns = np.mgrid[:256, :256] + 0.5
    return np.asarray(((columns - x) / a) ** 2 + ((rows - y) / b) ** 2 < 1)


Draw = Callable[[ImageDraw.ImageDraw, ImageDraw.ImageDraw, float, float], None]


def bar(colour: ImageDraw.ImageDraw, cover: ImageDraw.ImageDraw, x: float, y: float) -> None:
    """A grey pole that goes right across."""
    for draw, ink in ((colour, (90, 110, 120)), (cover, 255)):
        draw.line([(x - 120, y + 60), (x + 120, y - 60)], fill=ink, width=24)
    colour.line([(x - 120, y + 55), (x + 120, y - 65)], fill=(130, 150, 160), width=8)


def ball(colour: ImageDraw.ImageDraw, cover: ImageDraw.ImageDraw, x: float, y: float) -> None:
    """A black microphone before the mouth."""
    for draw, ink in ((colour, (25, 25, 28)), (cover, 255)):
        draw.ellipse([x - 22, y + 5, x + 22, y + 55], fill=ink)
        draw.line([(x, y + 40), (x + 20, y + 200)], fill=ink, width=18)
    colour.ellipse([x - 12, y + 12, x, y + 26], fill=(80, 80, 85))


def before(square: Picture, draw: Draw, landmarks: FloatArray) -> tuple[Picture, NDArray[np.bool_]]:
    """The square with something drawn before the nose, and where that is."""
    colour, cover = Image.fromarray(square), Image.new("L", (256, 256))
    x, y = (float(value) for value in landmarks[4])
    draw(ImageDraw.Draw(colour), ImageDraw.Draw(cover), x, y)
    soft = cover.filter(ImageFilter.GaussianBlur(0.7))
    mixed = Image.composite(colour, Image.fromarray(square), soft)
    return np.asarray(mixed), np.asarray(cover) > 0


@pytest.mark.parametrize("name", PORTRAITS)
@pytest.mark.parametrize("known", [True, False], ids=["rebuilt", "alone"])
def test_a_face_with_nothing_in_front_has_no_holes(
    detector: OcclusionDetector, squares: dict[str, tuple[Picture, FloatArray]], name: str, known: bool
) -> None:
    square, landmarks = squares[name]
    front = detector(square, landmarks, square if known else None)
    assert front.shape == (256, 256)
    assert front.dtype == np.float32
    assert front[inner(landmarks)].mean() < NOTHING


@pytest.mark.parametrize("name", PORTRAITS)
@pytest.mark.parametrize("draw", [bar, ball])
def test_what_is_in_front_is_whole_and_the_rest_is_face(
    detector: OcclusionDetector, squares: dict[str, tuple[Picture, FloatArray]], name: str, draw: Draw
) -> None:
    square, landmarks = squares[name]
    seen, cover = before(square, draw, landmarks)
    front, face = detector(seen, landmarks, square), inner(landmarks)
    assert front[face & cover].mean() > 0.9
    if name in DARK:
        return
    near = np.asarray(Image.fromarray(cover).convert("L").filter(ImageFilter.MaxFilter(9))) > 0
    assert front[face & ~near].mean() < NOTHING


def test_where_nothing_is_known_of_the_face_it_is_found_too(
    detector: OcclusionDetector, squares: dict[str, tuple[Picture, FloatArray]]
) -> None:
    square, landmarks = squares["eileen-collins"]
    seen, cover = before(square, ball, landmarks)
    assert detector(seen, landmarks)[inner(landmarks) & cover].mean() > 0.8


def test_a_large_square_gives_the_same(
    detector: OcclusionDetector, squares: dict[str, tuple[Picture, FloatArray]]
) -> None:
    square, landmarks = squares["eileen-collins"]
    seen, _ = before(square, bar, landmarks)
    large = np.asarray(Image.fromarray(seen).resize((512, 512), Image.Resampling.BICUBIC))
    small, other = detector(seen, landmarks), detector(large, landmarks * 2)
    assert other.shape == (256, 256)
    assert np.abs(small - other).mean() < 0.02


def test_beyond_its_square_there_is_nothing(
    detector: OcclusionDetector, squares: dict[str, tuple[Picture, FloatArray]]
) -> None:
    _, landmarks = squares["eileen-collins"]
    noise = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)
    where = face_square(landmarks)
    front = detector(noise, landmarks)
    assert front.any()
    assert not front[:, : int(where.x - where.side / 2) - 1].any()
    assert not front[:, int(where.x + where.side / 2) + 2 :].any()


def test_what_shows_in_one_frame_alone_is_dropped_and_what_stays_is_kept() -> None:
    shown, clean = np.zeros((256, 256), np.float32), np.zeros((256, 256), np.float32)
    shown[100:140, 60:70] = 1
    assert not smoothed(clean, shown, clean).any()
    np.testing.assert_array_equal(smoothed(shown, clean, shown), shown)
    np.testing.assert_array_equal(smoothed(clean, shown, shown), shown)


def test_a_finger_that_moves_by_more_than_its_width_is_kept() -> None:
    frames = []
    for left in (60, 72, 84):
        frames.append(np.zeros((256, 256), np.float32))
        frames[-1][100:140, left : left + 8] = 1
    np.testing.assert_array_equal(smoothed(*frames), frames[1])


def test_the_graph_is_small() -> None:
    assert Path(ModelFolder(FACE_MODEL).path("occlusion")).stat().st_size < 1_000_000
