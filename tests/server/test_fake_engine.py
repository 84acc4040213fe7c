"""The engine without a model keeps what the real one promises: the same checks on both."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from reenact.engine import Engine
from reenact.errors import (
    Cancelled,
    DrivingStill,
    DrivingUnreadable,
    FaceIndexOutOfRange,
    ImageUnreadable,
    InputError,
    NoFaceFound,
    OutputError,
)
from reenact.gallery import get_template
from reenact.media import EncodeOptions, open_clip, write_clip
from reenact.options import AnimateOptions
from reenact.pipeline import Animated, animate
from reenact.types import Clip, Picture, Template
from tests.sounds import with_tone

from .conftest import FPS, FRAMES, TEMPLATE
from .fake_engine import animate_with, fake_engine

Run = Callable[..., Animated]


@pytest.fixture(params=["fake", "real"])
def opened(request: pytest.FixtureRequest) -> Engine:
    found: Engine = fake_engine() if request.param == "fake" else request.getfixturevalue("engine")
    return found


@pytest.fixture
def run(opened: Engine) -> Run:
    """run(selfie, template, out, options, on_progress, on_frame), as the worker calls it."""
    return lambda *arguments: animate_with(animate)(opened, *arguments)


@pytest.fixture
def template(templates: Path) -> Template:
    return get_template(TEMPLATE, templates)


def picture(path: Path, pixels: Picture) -> Path:
    Image.fromarray(pixels).save(path)
    return path


def test_what_a_worker_asks_of_an_engine_is_there(opened: Engine) -> None:
    assert opened.provider and len(opened.model) == len(opened.digest) == 64


@pytest.mark.parametrize("format", ["mp4", "gif", "webp"])
def test_a_file_has_the_frames_of_the_template_and_says_what_it_is(
    run: Run, portrait: Path, template: Template, tmp_path: Path, format: str
) -> None:
    told: list[tuple[int, int]] = []
    shown: list[Picture] = []
    out = tmp_path / f"out.{format}"
    made = run(portrait, template, out, AnimateOptions(), lambda *each: told.append(each), shown.append)
    clip = open_clip(out)
    frames = list(clip.frames)
    written = made.written
    assert (len(frames), clip.fps) == (written.frames, written.fps) == (FRAMES, FPS)
    assert {frame.shape for frame in frames} == {(written.height, written.width, 3)}
    assert written.bytes == out.stat().st_size and not written.sound
    assert list(tmp_path.iterdir()) == [out]
    assert set(made.seconds) == {"find", "track", "render"}
    done = [each for each, _ in told]
    assert done[-1] == FRAMES and all(a <= b for a, b in pairwise(done))
    assert {total for _, total in told} == {FRAMES} and len(shown) == FRAMES
    assert any((a != b).any() for a, b in pairwise(shown))
    with Image.open(portrait) as selfie:
        width, height = selfie.size
    assert written.width / written.height == pytest.approx(width / height, rel=0.02)
    (face,) = made.faces
    x0, y0, x1, y1 = face.box
    assert 0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height and 0 < face.score <= 1
    assert face.landmarks.shape == (478, 2)


def test_the_square_alone_has_the_size_that_was_asked_for(
    run: Run, portrait: Path, template: Template, tmp_path: Path
) -> None:
    written = run(portrait, template, tmp_path / "out.mp4", AnimateOptions(size=256, paste="crop")).written
    assert (written.width, written.height) == (256, 256)


def test_a_mirrored_result_is_another(run: Run, portrait: Path, template: Template, tmp_path: Path) -> None:
    for mirror in (False, True):
        run(portrait, template, tmp_path / f"{mirror}.mp4", AnimateOptions(mirror=mirror))
    assert (tmp_path / "True.mp4").read_bytes() != (tmp_path / "False.mp4").read_bytes()


def test_a_clip_moves_it_with_its_sound_and_is_told_while_it_is_tracked(
    run: Run, portrait: Path, driving: Path, tmp_path: Path
) -> None:
    clip, told = with_tone(driving, tmp_path / "tone.mp4"), list[int]()
    made = run(portrait, clip, tmp_path / "out.mp4", AnimateOptions(), lambda done, _: told.append(done))
    assert (made.written.frames, made.written.fps, made.written.sound) == (FRAMES, FPS, True)
    assert told[0] == 0 and told[-1] == FRAMES
    silent = AnimateOptions(encode=EncodeOptions(sound=False))
    assert not run(portrait, clip, tmp_path / "silent.mp4", silent).written.sound


def test_what_shows_no_face_is_refused(run: Run, template: Template, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (300, 300, 3), np.uint8)
    for name, pixels in (("noise.png", noise), ("blank.png", np.zeros((300, 300, 3), np.uint8))):
        refused(run, NoFaceFound, picture(tmp_path / name, pixels), template, tmp_path)


def test_a_face_that_is_not_there_and_a_picture_that_is_none(
    run: Run, portrait: Path, template: Template, tmp_path: Path
) -> None:
    refused(run, FaceIndexOutOfRange, portrait, template, tmp_path, AnimateOptions(face=7))
    (tmp_path / "broken.jpg").write_bytes(portrait.read_bytes()[:600])
    refused(run, ImageUnreadable, tmp_path / "broken.jpg", template, tmp_path)


def test_a_clip_without_a_face_or_motion_or_that_is_damaged(
    run: Run, portrait: Path, driving: Path, tmp_path: Path
) -> None:
    def clip(name: str, *frames: Picture) -> Path:
        return write_clip(Clip(iter(frames), Fraction(10), len(frames)), tmp_path / name).path

    grey = np.full((64, 64, 3), 90, np.uint8)
    refused(run, NoFaceFound, portrait, clip("grey.mp4", grey, grey), tmp_path)
    refused(run, DrivingStill, portrait, clip("still.mp4", next(open_clip(driving).frames)), tmp_path)
    (tmp_path / "damaged.mp4").write_bytes(driving.read_bytes()[:200])
    refused(run, DrivingUnreadable, portrait, tmp_path / "damaged.mp4", tmp_path)


def test_a_progress_that_raises_stops_it_and_leaves_no_file(
    run: Run, portrait: Path, template: Template, tmp_path: Path
) -> None:
    def cancel(done: int, total: int) -> None:
        if done == 2:
            raise Cancelled("Enough.")

    with pytest.raises(Cancelled):
        run(portrait, template, tmp_path / "out.mp4", AnimateOptions(), cancel)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_is_told_as_such(
    run: Run, portrait: Path, template: Template, tmp_path: Path
) -> None:
    with pytest.raises(OutputError):
        run(portrait, template, tmp_path / "none" / "out.mp4")


def refused(
    run: Run, error: type[InputError], selfie: Path, template: Any, folder: Path, *options: AnimateOptions
) -> None:
    """The run raises exactly this error, and leaves no file."""
    with pytest.raises(InputError) as caught:
        run(selfie, template, folder / "out.mp4", *options)
    assert type(caught.value) is error
    assert not (folder / "out.mp4").exists()
