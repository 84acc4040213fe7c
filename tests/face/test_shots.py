from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reenact.engine import Engine
from reenact.face.align import align, extract_crop
from reenact.face.shots import FrameFeatures, detect_shots, frame_features
from reenact.gallery.portraits import get_portrait
from reenact.media import read_picture
from reenact.types import Crop, Face, Picture

FPS = Fraction(25)


@pytest.fixture(scope="module")
def person(engine: Engine) -> dict[str, FrameFeatures]:
    """What a frame of each of two people is compared by, and of one of them in other ways."""
    looks = {}
    for id in ("eileen-collins", "benjamin-franklin"):
        picture = read_picture(get_portrait(id).path)
        crop = align(engine.finder.find(picture)[0])
        looks[id] = seen(engine, extract_crop(picture, crop, 256))
        if id == "eileen-collins":
            closer = Crop(crop.left + 0.1 * crop.side, crop.top + 0.1 * crop.side, 0.8 * crop.side)
            looks["closer"] = seen(engine, extract_crop(picture, closer, 256))
            looks["aside"] = seen(
                engine, extract_crop(picture, Crop(crop.left - 0.02 * crop.side, *_rest(crop)), 256)
            )
            looks["faded"] = seen(engine, (extract_crop(picture, crop, 256) * 0.15).astype(np.uint8))
    return looks


def _rest(crop: Crop) -> tuple[float, float]:
    return crop.top, crop.side


def seen(engine: Engine, frame: Picture) -> FrameFeatures:
    (face,) = engine.finder.find(frame)
    return frame_features(frame, face)


def numbers(person: dict[str, FrameFeatures], *parts: tuple[str | None, int]) -> list[int]:
    """The takes of a clip of so many frames of each."""
    looks = [person[name] if name else None for name, count in parts for _ in range(count)]
    return detect_shots(looks, FPS).tolist()


def test_one_person_is_one_take(person: dict[str, FrameFeatures]) -> None:
    assert numbers(person, ("eileen-collins", 6), ("aside", 6), ("eileen-collins", 6)) == [0] * 18


@pytest.mark.parametrize("other", ["benjamin-franklin", "closer"])
def test_another_person_and_a_zoom_begin_a_take(person: dict[str, FrameFeatures], other: str) -> None:
    assert numbers(person, ("eileen-collins", 8), (other, 8)) == [0] * 8 + [1] * 8


def test_frames_without_a_face_begin_none(person: dict[str, FrameFeatures]) -> None:
    found = numbers(person, (None, 3), ("eileen-collins", 8), (None, 4), ("aside", 8))
    assert found == [-1] * 3 + [0] * 8 + [-1] * 4 + [0] * 8


def test_a_faded_face_is_none(person: dict[str, FrameFeatures]) -> None:
    assert numbers(person, ("faded", 6), ("eileen-collins", 8)) == [-1] * 6 + [0] * 8


def test_what_is_short_is_a_disturbance(person: dict[str, FrameFeatures]) -> None:
    found = numbers(person, ("eileen-collins", 8), ("benjamin-franklin", 3), ("eileen-collins", 8))
    assert found == [0] * 8 + [-1] * 3 + [0] * 8


def test_where_nothing_lasts_nothing_is_cut(person: dict[str, FrameFeatures]) -> None:
    assert numbers(person, *[("eileen-collins", 2), ("closer", 2)] * 4) == [0] * 16


def test_a_dissolve_is_a_cut(engine: Engine) -> None:
    """From one person to another in half a second."""
    ends = []
    for id in ("eileen-collins", "benjamin-franklin"):
        picture = read_picture(get_portrait(id).path)
        ends.append(extract_crop(picture, align(engine.finder.find(picture)[0]), 256).astype(float))
    shares = np.clip((np.arange(40) - 13) / 13, 0, 1)
    frames = [((1 - share) * ends[0] + share * ends[1]).astype(np.uint8) for share in shares]
    found = detect_shots(
        [frame_features(*each) if each[1] else None for each in followed(engine, frames)], FPS
    )
    assert (found[:14] == 0).all() and (found[27:] == 1).all()
    assert (found[18:22] == -1).all()


def followed(engine: Engine, frames: list[Picture]) -> list[tuple[Picture, Face | None]]:
    return list(zip(frames, engine.finder.follow(frames), strict=True))


def test_a_clip_without_a_face_has_no_take() -> None:
    assert detect_shots([None] * 4, FPS).tolist() == [-1] * 4
    assert detect_shots([], FPS).tolist() == []


def test_a_covered_face_is_none(engine: Engine, face_crop: Picture, person: dict[str, FrameFeatures]) -> None:
    """A hand over the lower two thirds: the mesh guesses what it does not see."""
    (face,) = engine.finder.find(face_crop)
    hidden = face_crop.copy()
    x0, y0, x1, y1 = (round(value) for value in face.box)
    hidden[y0 + (y1 - y0) // 3 : y1 + 20, x0 - 10 : x1 + 10] = 205, 155, 130
    frames = [face_crop] * 6 + [hidden] * 6 + [face_crop] * 6
    looks = [frame_features(*each) if each[1] else None for each in followed(engine, frames)]
    assert detect_shots(looks, FPS).tolist() == [0] * 6 + [-1] * 6 + [0] * 6


@pytest.mark.slow
def test_clips_of_one_take_are_one_take(engine: Engine, shared: Path) -> None:
    from reenact.media import open_clip

    for path in sorted((shared / "faces_hd" / "val").glob("*.mp4"))[::3]:
        clip = open_clip(path)
        frames = [Image.fromarray(frame).reduce(2) for frame in clip.frames]
        pictures = [np.asarray(frame) for frame in frames]
        looks = [frame_features(*each) if each[1] else None for each in followed(engine, pictures)]
        found = detect_shots(looks, clip.fps)
        assert found.max() == 0, path.name
        assert (found >= 0).mean() > 0.9, path.name
