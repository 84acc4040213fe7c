from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from reenact.engine import Engine
from reenact.errors import FaceTooSmall
from reenact.face.align import choose
from reenact.face.detector import Detection
from reenact.face.views import Views
from reenact.types import Picture


class Counting:
    """Sees one thing, the red pixels of a view, and counts its looks."""

    min_tile_side: int | None = 384

    def __init__(self) -> None:
        self.seen: list[tuple[int, ...]] = []

    def __call__(self, picture: Picture) -> list[Detection]:
        return self.detect_once(picture)

    def detect_once(self, picture: Picture) -> list[Detection]:
        self.seen.append(picture.shape[:2])
        rows, columns = np.nonzero(picture[..., 0] > 100)
        if not len(rows):
            return []
        box = (float(columns.min()), float(rows.min()), columns.max() + 1.0, rows.max() + 1.0)
        return [Detection(box, np.array([box[:2], box[2:]], np.float32), len(rows) / picture.size)]


def black(height: int, width: int) -> np.ndarray:
    return np.zeros((height, width, 3), np.uint8)


def test_the_parts_of_48_megapixels_are_few() -> None:
    """Each look takes 3 to 4 ms of a core."""
    detector = Counting()
    views = Views(black(6000, 8000), detector)
    views.whole()
    assert list(views.tiles()) == [[], [], []]
    assert len(detector.seen) < 250
    assert min(detector.seen) >= (192, 192)


def test_parts_cover_the_picture_and_what_is_seen_twice_counts_once() -> None:
    for left, top in ((0, 0), (3966, 2964), (1999, 1500), (780, 20)):
        picture = black(3000, 4000)
        picture[top : top + 36, left : left + 33] = 200
        for found in Views(picture, Counting()).tiles():
            (one,) = found
            assert np.abs(np.array(one.box) - (left, top, left + 33, top + 36)).max() <= 3
            assert one.eyes == pytest.approx(np.reshape(one.box, (2, 2)))


@pytest.mark.parametrize("size", [(639, 400), (640, 400), (1200, 1600), (50, 5000)])
def test_small_and_narrow_pictures(size: tuple[int, int]) -> None:
    detector = Counting()
    looks = list(Views(black(*size), detector).tiles())
    assert bool(looks) == (max(size) >= 640)
    assert all(min(each) > 0 for each in detector.seen)


def test_a_slow_detector_looks_at_halves_alone() -> None:
    detector = Counting()
    detector.min_tile_side = None
    assert len(list(Views(black(3000, 4000), detector).tiles())) == 1
    assert {max(each) for each in detector.seen} == {2000}


def placed(face_crop: np.ndarray, side: int, photo: np.ndarray, left: int, top: int) -> np.ndarray:
    photo[top : top + side, left : left + side] = np.asarray(
        Image.fromarray(face_crop).resize((side, side), Image.Resampling.LANCZOS)
    )
    return photo


@pytest.mark.parametrize(("side", "left", "top"), [(96, 20, 10), (150, 7000, 3100), (400, 3805, 5590)])
def test_small_faces_are_found_in_48_megapixels(
    engine: Engine, face_crop: np.ndarray, side: int, left: int, top: int
) -> None:
    """Faces of about 50, 80 and 210 pixels."""
    (expected,) = engine.finder.find(face_crop)
    (face,) = engine.finder.find(placed(face_crop, side, np.full((6000, 8000, 3), 128, np.uint8), left, top))
    error = np.abs((face.landmarks - [left, top]) * 256 / side - expected.landmarks)
    assert error.mean() < 0.03 * expected.height


def test_a_face_too_small_to_be_moved_is_told_as_that(engine: Engine, face_crop: np.ndarray) -> None:
    photo = placed(face_crop, 52, np.full((1200, 1600, 3), 128, np.uint8), 900, 500)
    with pytest.raises(FaceTooSmall):
        choose(engine.finder.find(photo))
