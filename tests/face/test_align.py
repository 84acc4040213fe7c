from __future__ import annotations

import numpy as np
import pytest

from reenact.errors import FaceIndexOutOfRange, FaceTooSmall, InputError, NoFaceFound
from reenact.face.align import (
    CENTRE_ABOVE_FACE,
    CROP_PER_FACE,
    MIN_FACE,
    FaceChoice,
    align,
    choose,
    extract_crop,
)
from reenact.types import Crop, Face, rotate_points

Box = tuple[float, float, float, float]


def face(box: Box) -> Face:
    """A face whose mesh fills ``box``."""
    landmarks = np.full((478, 2), [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2], np.float32)
    landmarks[0], landmarks[1] = box[:2], box[2:]
    return Face(box, 0.9, landmarks)


def faces(*heights: float) -> list[Face]:
    return [face((0, 0, height, height)) for height in heights]


@pytest.mark.parametrize("box", [(10, 20, 90, 120), (-30, -40, 50, 60), (200.5, 100.25, 280.5, 200.25)])
def test_the_square_is_that_of_training(box: Box) -> None:
    crop, height = align(face(box)), 100
    assert crop.side == pytest.approx(CROP_PER_FACE * height) == pytest.approx(188)
    assert crop.left + crop.side / 2 == pytest.approx((box[0] + box[2]) / 2)
    assert crop.top + crop.side / 2 == pytest.approx((box[1] + box[3]) / 2 - CENTRE_ABOVE_FACE * height)


def test_a_lying_face_is_not_cut_off() -> None:
    assert align(face((0, 0, 100, 60))).side == pytest.approx(188)


def test_irises_do_not_change_the_square() -> None:
    plain, odd = face((10, 20, 90, 120)), face((10, 20, 90, 120))
    odd.landmarks[470] = 500, 500
    assert align(odd) == align(plain)


@pytest.fixture
def picture(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 256, (256, 256, 3), np.uint8)


def test_the_whole_picture_is_copied_exactly(picture: np.ndarray) -> None:
    assert np.array_equal(extract_crop(picture, Crop(0, 0, 256), 256), picture)


def test_a_square_inside_is_copied_exactly(picture: np.ndarray) -> None:
    assert np.array_equal(extract_crop(picture, Crop(30, 50, 128), 128), picture[50:178, 30:158])


@pytest.mark.parametrize(
    ("left", "top"), [(-40, 20), (160, 20), (20, -40), (20, 160), (-40, -40), (180, 200), (-30.5, 100)]
)
def test_beyond_the_edges_is_the_border_blurred(picture: np.ndarray, left: float, top: float) -> None:
    picture = picture[:, :200]
    found = extract_crop(picture, Crop(left, top, 100), 100).astype(float)
    x, y = np.arange(100) + 0.5 + left, np.arange(100) + 0.5 + top
    inside = ((y > 0) & (y < 256))[:, None] & (x > 0) & (x < 200)
    far = (np.abs(x - 100) > 115) | (np.abs(y - 128) > 143)[:, None]
    rows, columns = np.floor(y).clip(0, 255).astype(int), np.floor(x).clip(0, 199).astype(int)
    expected = picture[np.ix_(rows, columns)]
    if left == int(left):
        assert np.array_equal(found[inside], expected[inside])
    assert found[inside].std() > 50  # noise stays noise
    steps = np.abs(np.diff(found, axis=1))
    assert not far.any() or steps[far[:, 1:]].max() < 12


def test_a_smooth_border_goes_on_smoothly() -> None:
    level = np.linspace(60, 200, 256)[:, None] + np.linspace(0, 40, 256)
    picture = level.astype(np.uint8)[..., None].repeat(3, 2)
    found = extract_crop(picture, Crop(-100, -80, 456), 456).astype(int)
    assert np.abs(np.diff(found, axis=0)).max() <= 4
    assert np.abs(np.diff(found, axis=1)).max() <= 4


def test_a_square_larger_than_the_picture_is_filled(picture: np.ndarray) -> None:
    found = extract_crop(picture, Crop(-128, -128, 512), 512)
    assert np.array_equal(found[128:384, 128:384], picture)
    assert np.abs(np.diff(found[:60].astype(int), axis=1)).max() < 12


def test_a_square_wholly_beyond_the_picture_is_its_border(picture: np.ndarray) -> None:
    assert np.abs(extract_crop(picture, Crop(-300, 400, 100), 100).astype(int) - picture[-1, 0]).max() <= 1


@pytest.mark.parametrize("offset", [0.0, 0.25, 0.5])
def test_a_square_between_pixels_is_resampled_in_place(offset: float) -> None:
    """A ramp stays the same ramp: a cut must not move the picture by fractions of a pixel."""
    ramp = np.repeat(np.arange(0, 200, 2, dtype=np.uint8)[None, :, None], 100, 0).repeat(3, 2)
    found = extract_crop(ramp, Crop(20 + offset, 30 + offset, 40), 80)[:, :, 0].astype(float)
    expected = 2 * (20 + offset + (np.arange(80) + 0.5) / 2 - 0.5)
    np.testing.assert_allclose(found, np.tile(expected, (80, 1)), atol=0.76)


@pytest.mark.parametrize(("which", "expected"), [("largest", 120), (0, 120), (1, 80), (2, 40)])
def test_faces_are_chosen_by_their_place(which: FaceChoice, expected: float) -> None:
    assert choose(faces(120, 80, 40), which).height == expected


@pytest.mark.parametrize(
    ("heights", "which", "error", "says"),
    [
        ((), "largest", NoFaceFound, "No face"),
        ((), 0, NoFaceFound, "No face"),
        ((100,), 1, FaceIndexOutOfRange, "no face 1: one face was found"),
        ((100, 90), 2, FaceIndexOutOfRange, "no face 2: 2 faces were found"),
        ((100, 90), -1, FaceIndexOutOfRange, "no face -1"),
        ((20,), "largest", FaceTooSmall, "only 20 pixels high; at least 32"),
        ((100, 31.4), 1, FaceTooSmall, "31 pixels"),
    ],
)
def test_a_wrong_choice_says_what_is_wrong(
    heights: tuple[float, ...], which: FaceChoice, error: type[InputError], says: str
) -> None:
    with pytest.raises(error, match=says):
        choose(faces(*heights), which)


def test_the_smallest_face_that_is_taken() -> None:
    assert choose(faces(MIN_FACE)).height == MIN_FACE


def portrait_face(roll: float) -> Face:
    """A face of three mesh points that say how it is turned: both eyes, forehead and chin."""
    landmarks = np.zeros((478, 2), np.float32)
    landmarks[[33, 263, 10, 152]] = [-30, -20], [30, -20], [0, -60], [0, 60]
    return Face((0, 0, 1, 1), 0.9, np.asarray(rotate_points(landmarks, roll) + 200, np.float32))


@pytest.mark.parametrize("degrees", [0, 11, -11, 13, -30, 45, 90, 179, -135])
def test_a_square_turns_with_the_head_where_it_tilts_much(degrees: float) -> None:
    face = portrait_face(np.radians(degrees))
    crop, upright = align(face), align(portrait_face(0))
    assert np.degrees(face.roll) == pytest.approx(degrees, abs=1e-3)
    assert face.height == pytest.approx(120, abs=1e-3)
    if abs(degrees) < 12:
        assert crop.angle == 0
    else:
        assert np.degrees(crop.angle) == pytest.approx(degrees, abs=1e-3)
        assert crop.side == pytest.approx(upright.side, abs=1e-3)
        seen, expected = crop.to_units(face.landmarks), upright.to_units(portrait_face(0).landmarks)
        assert np.abs(seen - expected).max() < 1e-4


@pytest.mark.parametrize("degrees", [20, 90, -150])
def test_crop_units_go_both_ways(rng: np.random.Generator, degrees: float) -> None:
    crop, points = Crop(30, 50, 128, np.radians(degrees)), rng.uniform(0, 200, (5, 7, 2))
    np.testing.assert_allclose(crop.to_pixels(crop.to_units(points)), points, atol=1e-3)
    assert crop.to_units(np.array(crop.centre)) == pytest.approx([0, 0])
    corner = crop.to_pixels(np.array([-1, -1])) - crop.centre
    assert corner == pytest.approx(rotate_points(np.array([-64, -64]), np.radians(degrees)), abs=1e-3)
    mirrored = crop.mirrored(300).to_pixels(np.array([1, -1])) - np.array([300, 0])
    assert mirrored * [-1, 1] == pytest.approx(crop.to_pixels(np.array([-1, -1])), abs=1e-3)


@pytest.mark.parametrize("size", [64, 100, 160, 200])
@pytest.mark.parametrize(("degrees", "quarters"), [(90, 1), (180, 2), (-90, 3)])
def test_a_turned_square_shows_what_is_upright_in_it(
    picture: np.ndarray, size: int, degrees: int, quarters: int
) -> None:
    """Of noise the same as the picture turned by quarters and cut upright."""
    expected = extract_crop(np.rot90(picture, quarters), Crop(28, 28, 200), size).astype(int)
    found = extract_crop(picture, Crop(28, 28, 200, np.radians(degrees)), size)
    assert np.abs(found - expected).mean() < 3


def test_a_turned_square_beyond_the_edge_is_filled(picture: np.ndarray) -> None:
    found = extract_crop(np.full((80, 80, 3), 200, np.uint8), Crop(-20, -30, 120, 0.7), 128)
    assert (found == 200).all()
