from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reenact.engine import Engine
from reenact.face.align import align, choose, extract_crop
from reenact.gallery.portraits import get_portrait
from reenact.media import read_picture
from reenact.types import Crop

RIGHT_EYE, LEFT_EYE, NOSE, MOUTH, CHIN, FOREHEAD = (33, 133), (263, 362), 1, (13, 14), 152, 10


def at_portraits_size(picture: np.ndarray, size: int) -> np.ndarray:
    return np.asarray(Image.fromarray(picture).resize((size, size), Image.Resampling.LANCZOS))


def beside(*pictures: np.ndarray) -> np.ndarray:
    """Pictures side by side on grey, each at the bottom."""
    height = max(len(picture) for picture in pictures)
    return np.concatenate(
        [
            np.pad(picture, ((height - len(picture), 0), (0, 0), (0, 0)), constant_values=128)
            for picture in pictures
        ],
        1,
    )


def test_the_portraits_face_is_found_with_its_parts_in_place(engine: Engine, portrait: np.ndarray) -> None:
    (face,) = engine.finder.find(portrait)
    points = face.landmarks
    assert points.shape == (478, 2)
    assert points.dtype == np.float32
    assert 0.5 < face.score <= 1
    assert (face.box[0], face.box[1]) == pytest.approx(points.min(0))
    assert (face.box[2], face.box[3]) == pytest.approx(points.max(0))
    right, left = points[list(RIGHT_EYE)].mean(0), points[list(LEFT_EYE)].mean(0)
    assert right[0] < points[NOSE, 0] < left[0]
    assert points[FOREHEAD, 1] < right[1] < points[NOSE, 1] < points[list(MOUTH), 1].mean() < points[CHIN, 1]
    for iris, corners in ((468, RIGHT_EYE), (473, LEFT_EYE)):
        low, high = np.sort(points[list(corners), 0])
        assert low < points[iris, 0] < high
        assert abs(points[iris, 1] - points[list(corners), 1].mean()) < 0.05 * face.height


def test_the_same_face_is_found_at_any_size(engine: Engine, face_crop: np.ndarray) -> None:
    (expected,) = engine.finder.find(face_crop)
    for size in (96, 800):
        (face,) = engine.finder.find(at_portraits_size(face_crop, size))
        error = np.abs(face.landmarks * 256 / size - expected.landmarks)
        assert error.mean() < 0.03 * expected.height


def test_two_faces_are_found_once_each_and_the_larger_first(engine: Engine, face_crop: np.ndarray) -> None:
    picture = beside(at_portraits_size(face_crop, 180), face_crop)
    large, small = engine.finder.find(picture)
    assert large.height > 1.2 * small.height
    assert large.landmarks[:, 0].min() > 180 > small.landmarks[:, 0].max()


@pytest.mark.parametrize(("row", "column"), [(0, 0), (1000, 1450), (3680, 2680)])
def test_a_face_far_away_is_found_once(engine: Engine, face_crop: np.ndarray, row: int, column: int) -> None:
    near = at_portraits_size(face_crop, 320)
    (expected,) = engine.finder.find(near)
    photo = flat(4000, 3000)
    photo[row : row + 320, column : column + 320] = near  # the face is a 23rd of the longer side
    (face,) = engine.finder.find(photo)
    error = np.abs(face.landmarks - expected.landmarks - np.array([column, row]))
    assert error.mean() < 0.03 * expected.height


@pytest.mark.parametrize("degrees", [-30, -15, 0, 15, 30])
def test_landmarks_follow_a_turned_face(engine: Engine, face_crop: np.ndarray, degrees: float) -> None:
    (upright,) = engine.finder.find(face_crop)
    turned = np.asarray(Image.fromarray(face_crop).rotate(-degrees, Image.Resampling.BICUBIC))  # clockwise
    (face,) = engine.finder.find(turned)
    angle = np.radians(degrees)
    matrix = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    expected = (upright.landmarks - 128) @ matrix + 128
    error = np.hypot(*(face.landmarks - expected).T)
    eyes = list(RIGHT_EYE + LEFT_EYE)
    assert error[eyes].max() < 0.05 * upright.height
    assert error.mean() < 0.05 * upright.height


def turned_by(picture: np.ndarray, degrees: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A picture turned clockwise and made larger, and how its pixels go there: matrix and shift."""
    image = Image.fromarray(picture).rotate(-degrees, Image.Resampling.BICUBIC, expand=True, fillcolor="grey")
    angle = np.radians(degrees)
    matrix = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    before, after = np.array(picture.shape[1::-1]) / 2, np.array(image.size) / 2
    return np.asarray(image), matrix, after - before @ matrix


@pytest.mark.parametrize("id", ["eileen-collins", "thomas-jefferson", "peter-i"])
@pytest.mark.parametrize("degrees", [45, -60, 90, 120, 150, 180, -135, -90])
def test_a_face_is_found_whichever_way_up(engine: Engine, id: str, degrees: float) -> None:
    """Not only found: its mesh must not lie over it the wrong way up."""
    picture = read_picture(get_portrait(id).path)
    picture = picture[:: max(1, len(picture) // 700), :: max(1, len(picture) // 700)]
    upright = choose(engine.finder.find(picture))
    turned, matrix, shift = turned_by(picture, degrees)
    face = choose(engine.finder.find(turned))
    error = np.hypot(*(face.landmarks - (upright.landmarks @ matrix + shift)).T)
    assert error.mean() < 0.03 * upright.height
    assert np.degrees(
        np.angle(np.exp(1j * (face.roll - upright.roll - np.radians(degrees))))
    ) == pytest.approx(0, abs=2)
    assert face.height == pytest.approx(upright.height, rel=0.03)


def test_a_face_that_lies_is_followed_lost_and_found_again(engine: Engine, face_crop: np.ndarray) -> None:
    lying = np.ascontiguousarray(np.rot90(face_crop, 2))
    clip = [flat(256, 256), lying, np.roll(lying, 6, 1), flat(256, 256), np.roll(lying, (20, -24), (0, 1))]
    found = list(engine.finder.follow(clip))
    assert [face is not None for face in found] == [False, True, True, False, True]
    assert all(abs(face.roll) > 3 for face in found if face)


@pytest.mark.parametrize("side", ["left", "right", "top", "bottom"])
def test_a_face_at_the_edge_is_found_and_can_be_cut(engine: Engine, face_crop: np.ndarray, side: str) -> None:
    (whole,) = engine.finder.find(face_crop)
    x0, y0, x1, y1 = (round(value) for value in whole.box)
    rows = slice(y0 if side == "top" else 0, y1 if side == "bottom" else 256)
    columns = slice(x0 if side == "left" else 0, x1 if side == "right" else 256)
    picture = face_crop[rows, columns]
    face = choose(engine.finder.find(picture))
    moved = face.landmarks + np.array([columns.start, rows.start])
    assert np.abs(moved - whole.landmarks).mean() < 0.05 * whole.height
    crop = align(face)
    height, width = picture.shape[:2]
    beyond = {"left": -crop.left, "right": crop.left + crop.side - width}
    beyond |= {"top": -crop.top, "bottom": crop.top + crop.side - height}
    assert beyond[side] > 20
    assert extract_crop(picture, crop, 256).shape == (256, 256, 3)


def flat(height: int, width: int, level: int = 128) -> np.ndarray:
    return np.full((height, width, 3), level, np.uint8)


@pytest.mark.parametrize(
    "picture",
    [
        flat(256, 256),
        flat(200, 300, 0),
        flat(200, 300, 255),
        flat(1, 1),
        flat(2, 900),
        np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8),
        np.random.default_rng(0).integers(0, 256, (900, 1200, 3), np.uint8),
    ],
    ids=["grey", "black", "white", "pixel", "line", "noise", "much noise"],
)
def test_where_there_is_no_face_none_is_found(engine: Engine, picture: np.ndarray) -> None:
    assert engine.finder.find(picture) == []


def test_a_face_is_followed_lost_and_found_again(engine: Engine, face_crop: np.ndarray) -> None:
    moved = np.roll(face_crop, 6, 1)
    far = np.roll(face_crop, (20, -24), (0, 1))
    clip = [face_crop, moved, flat(256, 256), flat(256, 256), far]
    found = list(engine.finder.follow(clip))
    assert [face is not None for face in found] == [True, True, False, False, True]
    start, after, again = (found[index].landmarks.mean(0) for index in (0, 1, 4))
    assert after - start == pytest.approx([6, 0], abs=2)
    assert again - start == pytest.approx([-24, 20], abs=3)


@pytest.mark.parametrize("shift", [16, 64, 96, 160])
def test_a_face_is_followed_over_a_cut(engine: Engine, face_crop: np.ndarray, shift: int) -> None:
    """Where half of it is inside the square of the frame before, the mesh alone would see a skewed face."""
    clip = [np.pad(face_crop, ((0, 0), (x, 256 - x), (0, 0)), constant_values=128) for x in (0, shift)]
    before, after = engine.finder.follow(clip)
    assert before is not None and after is not None
    assert np.abs(after.landmarks - before.landmarks - [shift, 0]).mean() < 2


def test_of_two_faces_the_one_followed_is_kept(engine: Engine, face_crop: np.ndarray) -> None:
    both = beside(at_portraits_size(face_crop, 180), face_crop)
    large, small = engine.finder.find(both)
    blank = flat(*both.shape[:2])
    for first in (large, small):
        *_, last = engine.finder.follow([both, blank, both], first)
        assert last is not None
        assert np.abs(last.landmarks.mean(0) - first.landmarks.mean(0)).max() < 5


@pytest.mark.parametrize("kind", ["portraits", "selfies"])
def test_all_shared_pictures_show_one_face(engine: Engine, shared: Path, kind: str) -> None:
    pictures = sorted((shared / kind).glob("*.jpg"))
    assert pictures
    for path in pictures:
        found = engine.finder.find(read_picture(path))
        assert len(found) == 1, path.name
        assert choose(found).height > 60


@pytest.mark.parametrize("share", [0.5, 0.4, 0.35])  # of the usual crop: forehead and chin are at the edges
def test_a_face_that_fills_its_picture_is_found_at_the_second_look(
    engine: Engine, portrait: np.ndarray, share: float
) -> None:
    crop = align(engine.finder.find(portrait)[0])
    side = crop.side * share
    tight = Crop(
        crop.left + (crop.side - side) / 2, crop.top + (crop.side - side) / 2 + 0.024 * crop.side, side
    )
    assert len(engine.finder.find(extract_crop(portrait, tight, 256))) == 1
