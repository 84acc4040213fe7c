"""Several faces at once: cast in a clip, and moving in one picture; with the real engine."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reenact.cli import main
from reenact.clip_people import find_people
from reenact.driver import MotionDriver, in_step, is_loop
from reenact.engine import Engine
from reenact.errors import FaceIndexOutOfRange, InvalidOption
from reenact.face.align import align
from reenact.footage import Footage, open_footage
from reenact.gallery import get_portrait, get_template
from reenact.media import EncodeOptions, Span, open_clip, write_clip
from reenact.motion.transfer import TransferOptions
from reenact.options import AnimateOptions, CastMember, SwapOptions
from reenact.pipeline import animate, swap
from reenact.types import Clip, Keypoints, Motion, Picture, Template

FRAMES = 6
QUICK = EncodeOptions(crf=4, preset="ultrafast")


def motion(id: str, frames: int) -> Template:
    template = get_template(id)
    return replace(template, motion=replace(template.motion, keypoints=template.motion.keypoints[:frames]))


def _halved(frame: Picture) -> Picture:
    return np.asarray(Image.fromarray(frame).reduce(2))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The astronaut and the queen side by side, 0.24 s."""
    sides = []
    for id in ("astronaut", "queen"):
        driving = get_template(id).driving
        assert driving
        opened = open_clip(driving, span=Span(0.2, 0.6))
        sides.append([_halved(next(opened.frames)) for _ in range(FRAMES)])
    height = min(each[0].shape[0] for each in sides) // 2 * 2
    frames = [np.hstack([left[:height], right[:height]]) for left, right in zip(*sides, strict=True)]
    path = tmp_path_factory.mktemp("clip") / "two.mp4"
    write_clip(Clip(iter(frames), Fraction(25)), path, options=QUICK)
    return path


@pytest.fixture(scope="module")
def footage(engine: Engine, clip: Path) -> Footage:
    return open_footage(engine, clip, people="all")


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory, engine: Engine) -> Path:
    """Two heads so near that their squares overlap, the first a little larger."""
    heads = []
    for id, side in (("eileen-collins", 300), ("pocahontas", 270)):
        with Image.open(get_portrait(id).path) as image:
            image.thumbnail((700, 700))
            picture = image.convert("RGB")
        x0, y0, x1, y1 = engine.finder.find(np.asarray(picture))[0].box
        reach, x, y = 0.8 * (y1 - y0), (x0 + x1) / 2, (y0 + y1) / 2
        cut = picture.crop((int(x - reach), int(y - reach), int(x + reach), int(y + reach)))
        heads.append(np.asarray(cut.resize((side, side))))
    photo = np.full((360, 580, 3), 110, np.uint8)
    photo[20:320, :300], photo[40:310, 300:570] = heads
    path = tmp_path_factory.mktemp("group") / "group.png"
    Image.fromarray(photo).save(path)
    return path


def moved(
    engine: Engine, group: Path, out: Path, options: AnimateOptions, frames: int = FRAMES
) -> list[Picture]:
    made: list[Picture] = []
    animate(engine, group, motion("laugh", frames), out, options, on_frame=made.append)
    return made


def face_regions(engine: Engine, picture: Picture) -> list[tuple[slice, slice]]:
    boxes = [[round(value) for value in face.box] for face in engine.finder.find(picture)]
    return [(slice(y0, y1), slice(x0, x1)) for x0, y0, x1, y1 in boxes]


def change(one: Picture, other: Picture, region: tuple[slice, slice]) -> float:
    return float(np.abs(one[region].astype(float) - other[region]).mean())


def test_people_are_listed(engine: Engine, clip: Path) -> None:
    people = find_people(engine, clip)
    width = next(open_clip(clip).frames).shape[1]
    assert [each.number for each in people] == [0, 1]
    assert {each.thumbnail.shape for each in people} == {(128, 128, 3)}
    assert all(each.share == 1 and each.first_seen == 0 and 0 <= each.seconds < 0.24 for each in people)
    left, right = sorted(people, key=lambda each: each.box)
    assert left.box[2] < width / 2 < right.box[0]
    for each in people:
        assert len(engine.finder.find(each.thumbnail)) == 1


def test_two_friends_in_one_scene(engine: Engine, clip: Path, footage: Footage, tmp_path: Path) -> None:
    assert footage.people == (0, 1)
    jefferson, pocahontas = (get_portrait(id).path for id in ("thomas-jefferson", "pocahontas"))
    was = list(open_clip(clip).frames)

    def result(*cast: CastMember) -> list[Picture]:
        made: list[Picture] = []
        options = SwapOptions(size=256, cast=cast, encode=QUICK)
        swap(engine, jefferson, footage, tmp_path / "out.mp4", options, on_frame=made.append)
        return made

    both = result(CastMember(0), CastMember(1, pocahontas))
    second = result(CastMember(1, pocahontas))
    assert len(both) == len(second) == FRAMES
    for index in range(FRAMES):
        regions = []
        for track in footage.tracks:
            points = track.square(index).to_pixels(track.landmarks[index])
            (x0, y0), (x1, y1) = points.min(0).astype(int), points.max(0).astype(int)
            regions.append((slice(y0, y1), slice(x0, x1)))
        assert all(change(both[index], was[index], region) > 3 for region in regions)
        np.testing.assert_array_equal(second[index][regions[0]], was[index][regions[0]])
        np.testing.assert_array_equal(second[index][regions[1]], both[index][regions[1]])


def test_a_clip_is_followed_for_those_who_are_cast(engine: Engine, clip: Path, tmp_path: Path) -> None:
    selfie = get_portrait("thomas-jefferson").path
    options = SwapOptions(size=256, cast=(CastMember(1),), encode=QUICK)
    assert swap(engine, selfie, clip, tmp_path / "out.mp4", options).written.frames == FRAMES
    with pytest.raises(FaceIndexOutOfRange, match="2 people were found"):
        swap(engine, selfie, clip, tmp_path / "no.mp4", replace(options, cast=(CastMember(2),)))
    assert not (tmp_path / "no.mp4").exists()


def test_only_who_was_followed_is_cast(engine: Engine, footage: Footage, tmp_path: Path) -> None:
    alone = replace(footage, tracks=footage.tracks[:1], people=(0,))
    with pytest.raises(FaceIndexOutOfRange, match="person 1 was not followed"):
        options = SwapOptions(cast=(CastMember(1),))
        swap(engine, get_portrait("thomas-jefferson").path, alone, tmp_path / "out.mp4", options)


@pytest.mark.parametrize("people", [(0, 0), range(9)])
def test_nobody_is_cast_twice_and_at_most_eight_are(people: tuple[int, ...]) -> None:
    with pytest.raises(InvalidOption, match=r"twice|at most 8"):
        SwapOptions(cast=tuple(CastMember(number) for number in people))


def test_all_faces_of_a_group_move(engine: Engine, group: Path, tmp_path: Path) -> None:
    made = moved(engine, group, tmp_path / "out.mp4", AnimateOptions(face="all", encode=QUICK))
    assert len(made) == FRAMES
    faces = engine.finder.find(made[0])
    squares = [align(face) for face in faces]
    assert squares[0].left < squares[1].left < squares[0].left + squares[0].side  # they overlap
    for region in face_regions(engine, made[0]):
        assert change(made[0], made[-1], region) > 1


def test_a_neighbour_is_not_frozen(engine: Engine, group: Path, tmp_path: Path) -> None:
    """Each face looks as it does when it moves alone, up to resampling: no other square lies over it."""
    both = moved(engine, group, tmp_path / "both.mp4", AnimateOptions(face=(0, 1), encode=QUICK))
    first = moved(engine, group, tmp_path / "first.mp4", AnimateOptions(face=0, encode=QUICK))
    assert both[0].shape == first[0].shape
    own, other = face_regions(engine, both[0])
    assert change(both[-1], first[-1], own) < 0.5
    assert change(both[-1], first[-1], other) > 1


def test_each_face_may_have_its_own_motion(engine: Engine, group: Path, tmp_path: Path) -> None:
    still = motion("nod", 1)
    options = AnimateOptions(face="all", motions={1: still}, encode=QUICK)
    made = moved(engine, group, tmp_path / "out.mp4", options, 8)
    assert len(made) == 8
    moving, resting = face_regions(engine, made[0])
    assert change(made[0], made[-1], moving) > 1
    assert change(made[0], made[-1], resting) < 0.3 * change(made[0], made[-1], moving)
    with pytest.raises(InvalidOption, match="face 1"):
        moved(engine, group, tmp_path / "no.mp4", AnimateOptions(face=0, motions={1: still}))


@pytest.mark.parametrize(
    ("face", "error", "says"),
    [
        ((0, 5), FaceIndexOutOfRange, "2 faces were found"),
        ((1, 1), InvalidOption, "twice"),
        (tuple(range(9)), InvalidOption, "at most 8"),
        ((), InvalidOption, "No face"),
    ],
)
def test_faces_that_cannot_be_chosen(
    engine: Engine, group: Path, tmp_path: Path, face: tuple[int, ...], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        moved(engine, group, tmp_path / "out.mp4", AnimateOptions(face=face))


def test_a_square_shows_one_face() -> None:
    with pytest.raises(InvalidOption, match="one face"):
        AnimateOptions(face="all", paste="crop")


def circling(frames: int, fps: int, turns: float) -> Motion:
    """Landmarks that go round ``turns`` times."""
    angle = 2 * np.pi * turns * np.arange(frames) / frames
    way = np.stack([np.cos(angle), np.sin(angle)], -1)[:, None].astype(np.float32) * 0.1
    keypoints = get_template("nod").motion.keypoints[:1]
    many = keypoints[np.zeros(frames, np.intp)]
    return Motion(Keypoints(many.points + way, many.jacobians, many.landmarks + way), Fraction(fps), "model")


def test_shorter_motions_loop_or_hold_at_the_rate_of_the_first() -> None:
    absolute = TransferOptions("absolute")
    long, loop, once = circling(40, 20, 1), circling(30, 30, 1), circling(10, 20, 0.5)
    assert is_loop(loop.keypoints) and not is_loop(once.keypoints)
    drivers = in_step([MotionDriver(each, absolute) for each in (long, loop, once)])
    own = long.keypoints[0]
    poses = [driver.poses(own) for driver in drivers]
    assert [driver.fps for driver in drivers] == [20] * 3 and [len(each) for each in poses] == [40] * 3
    np.testing.assert_allclose(poses[1].landmarks[:20], poses[1].landmarks[20:], atol=1e-6)
    assert (poses[2].landmarks[9:] == poses[2].landmarks[9]).all()
    assert (poses[2].landmarks[8] != poses[2].landmarks[9]).any()


def test_motions_that_fit_stay_as_they_are() -> None:
    driver = MotionDriver(circling(10, 25, 1), TransferOptions())
    assert all(each is driver for each in in_step([driver, driver]))


def test_all_faces_move_from_a_terminal(group: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.webp"
    command = ["animate", str(group), "--template", "blink", "--face", "0,1", "-o", str(out), "--size", "256"]
    assert main([*command, "--no-credentials", "--no-watermark", "--quiet"]) == 0
    assert len(list(open_clip(out).frames)) == len(get_template("blink").motion)
