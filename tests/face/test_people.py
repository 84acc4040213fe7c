"""People followed through clips that are made from portraits that ship."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from reenact.engine import Engine
from reenact.face.likeness import SAME_PERSON, likeness
from reenact.face.people import People, follow_people
from reenact.gallery import get_portrait
from reenact.types import Picture

FPS = Fraction(25)
SIDE = 240


def head(engine: Engine, id: str) -> Picture:
    """A portrait's head and shoulders, (240, 240, 3)."""
    with Image.open(get_portrait(id).path) as image:
        image.thumbnail((600, 600))
        picture = np.asarray(image.convert("RGB"))
    x0, y0, x1, y1 = engine.finder.find(picture)[0].box
    reach, x, y = 1.1 * (y1 - y0), (x0 + x1) / 2, (y0 + y1) / 2
    box = (x - reach, y - reach, x + reach, y + reach)
    return np.asarray(Image.fromarray(picture).resize((SIDE, SIDE), box=_inside(box, picture)))


def _inside(box: tuple[float, float, float, float], picture: Picture) -> tuple[float, float, float, float]:
    return max(box[0], 0), max(box[1], 0), min(box[2], picture.shape[1]), min(box[3], picture.shape[0])


@pytest.fixture(scope="module")
def astronaut(engine: Engine) -> Picture:
    return head(engine, "eileen-collins")


@pytest.fixture(scope="module")
def queen(engine: Engine) -> Picture:
    return head(engine, "elizabeth-i")


def scene(*placed: tuple[Picture, int], width: int = 640, grey: int = 90) -> Picture:
    """Heads, the later in front, with their left edges at these columns."""
    frame = np.full((SIDE, width, 3), grey, np.uint8)
    for picture, left in placed:
        frame[:, left : left + SIDE] = picture
    return frame


def columns(people: People, number: int) -> list[int | None]:
    """Where a person's face is, frame by frame."""
    features = people.people[number].features
    return [int(each.face.landmarks[:, 0].mean()) if each else None for each in features]


def follow(engine: Engine, frames: Sequence[Picture]) -> People:
    return follow_people(engine.finder, frames, FPS)


def test_two_people_side_by_side(engine: Engine, astronaut: Picture, queen: Picture) -> None:
    people = follow(engine, [scene((astronaut, 2 * i), (queen, 380 - 2 * i)) for i in range(8)])
    assert [person.share for person in people.people] == [1, 1]
    starts = sorted(found for number in (0, 1) if (found := columns(people, number)[0]) is not None)
    assert starts[0] < 240 and starts[1] > 380
    for number in (0, 1):
        steps = np.diff(np.array(columns(people, number), float))
        assert (np.abs(steps) < 6).all()


def test_a_face_is_known_again_after_cuts(engine: Engine, astronaut: Picture, queen: Picture) -> None:
    dark = np.asarray(queen * 0.9, np.uint8)
    first, other = [scene((astronaut, 40))] * 6, [scene((dark, 300), grey=150)] * 8
    people = follow(engine, [*first, *other, *[scene((astronaut, 350), grey=40)] * 6])
    assert people.cuts.max() == 2
    assert len(people.people) == 2
    assert sorted(round(person.share, 3) for person in people.people) == [0.4, 0.6]
    away = next(person for person in people.people if person.features[0])
    assert [each is not None for each in away.features] == [True] * 6 + [False] * 8 + [True] * 6
    assert away.shots.tolist() == [0] * 6 + [-1] * 8 + [1] * 6


def test_a_cut_to_another_face_in_the_same_place_is_seen(
    engine: Engine, astronaut: Picture, queen: Picture
) -> None:
    people = follow(engine, [scene((astronaut, 40))] * 6 + [scene((queen, 40))] * 6)
    assert [person.share for person in people.people] == [0.5, 0.5]


def test_two_that_cross_keep_their_numbers(engine: Engine, astronaut: Picture, queen: Picture) -> None:
    path = np.linspace(0, 400, 40).astype(int).tolist()
    people = follow(engine, [scene((queen, 400 - left), (astronaut, left)) for left in path])
    assert len(people.people) == 2
    ends = [(columns(people, number)[0], columns(people, number)[-1]) for number in (0, 1)]
    front, hidden = sorted(ends, key=lambda each: each[0] or 0)
    assert front[0] and front[1] and front[0] < 240 < 400 < front[1]
    assert hidden[0] and hidden[1] and hidden[1] < 240 < 400 < hidden[0]


def test_nobody(engine: Engine) -> None:
    assert follow(engine, [scene()] * 3).people == []


def test_the_detector_sees_few_whole_frames(
    engine: Engine, astronaut: Picture, queen: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched: list[int] = []
    search = type(engine.finder).search
    monkeypatch.setattr(type(engine.finder), "search", lambda *a: (searched.append(1), search(*a))[1])
    follow(engine, [scene((astronaut, i), (queen, 380)) for i in range(40)])
    assert 1 <= len(searched) <= 20


def test_a_head_is_like_itself_in_another_light(engine: Engine, astronaut: Picture, queen: Picture) -> None:
    def seen(picture: Picture):  # type: ignore[no-untyped-def]
        return likeness(picture, engine.finder.find(picture)[0])

    own = seen(astronaut)
    assert own.unlikeness(own) < 1e-6
    assert own.unlikeness(seen(np.asarray(astronaut * 0.85, np.uint8))) < SAME_PERSON
    assert own.unlikeness(seen(queen)) > SAME_PERSON
