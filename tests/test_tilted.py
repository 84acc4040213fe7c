"""Selfies in which the head is tilted, from the picture to the file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from PIL import Image

from reenact.engine import Engine
from reenact.gallery import get_template
from reenact.media import EncodeOptions
from reenact.options import AnimateOptions
from reenact.pipeline import animate
from reenact.types import Picture, Template

Paste = Literal["full", "crop"]
QUICK = EncodeOptions(crf=30, preset="ultrafast")


@pytest.fixture(scope="module")
def laugh() -> Template:
    """A mouth that opens and closes, in every fourth frame."""
    template = get_template("laugh")
    motion = template.motion
    return replace(template, motion=replace(motion, keypoints=motion.keypoints[::4], fps=motion.fps / 4))


def made(
    engine: Engine, portrait: Picture, template: Template, folder: Path, degrees: float, paste: Paste
) -> list[Picture]:
    """Frames of the portrait turned clockwise, on a wall as grey as its own."""
    image = Image.fromarray(portrait)
    image.thumbnail((700, 700))
    turned = image.rotate(-degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=(203, 198, 200))
    turned.save(folder / "selfie.png")
    frames: list[Picture] = []
    options = AnimateOptions(paste=paste, encode=QUICK)
    animate(engine, folder / "selfie.png", template, folder / "out.mp4", options, on_frame=frames.append)
    return frames


def openings(engine: Engine, frames: list[Picture]) -> np.ndarray:
    """Of lips and of lids in face heights: (2, T)."""
    faces = [face for face in engine.finder.follow(frames) if face]
    assert len(faces) == len(frames)

    def gap(upper: int, lower: int) -> np.ndarray:
        return np.array([np.hypot(*(f.landmarks[upper] - f.landmarks[lower])) / f.height for f in faces])

    return np.stack([gap(13, 14), (gap(159, 145) + gap(386, 374)) / 2])


@pytest.fixture(scope="module")
def upright(
    engine: Engine, portrait: Picture, laugh: Template, tmp_path_factory: pytest.TempPathFactory
) -> dict[Paste, np.ndarray]:
    folder = tmp_path_factory.mktemp("upright")
    pastes: tuple[Paste, ...] = ("full", "crop")
    return {p: openings(engine, made(engine, portrait, laugh, folder, 0, p)) for p in pastes}


@pytest.mark.parametrize("paste", ["full", "crop"])
@pytest.mark.parametrize("degrees", [20, -30, 45, 60, 90, 180])
def test_mouth_and_eyes_follow_however_the_head_is_tilted(
    engine: Engine,
    portrait: Picture,
    laugh: Template,
    upright: dict[Paste, np.ndarray],
    tmp_path: Path,
    degrees: float,
    paste: Paste,
) -> None:
    frames = made(engine, portrait, laugh, tmp_path, degrees, paste)
    if paste == "crop":
        assert frames[0].shape == (256, 256, 3)
    found = openings(engine, frames)
    assert np.ptp(found[0]) == pytest.approx(np.ptp(upright[paste][0]), rel=0.15)
    assert np.abs(found - upright[paste]).max() < 0.012
    (face,) = engine.finder.find(frames[0])  # the picture itself stays as it lay
    turn = np.angle(np.exp(1j * (face.roll - np.radians(degrees))))
    assert abs(np.degrees(turn)) < 5


@pytest.mark.parametrize("degrees", [0, 45])
def test_what_is_far_from_the_face_stays(
    engine: Engine, portrait: Picture, laugh: Template, tmp_path: Path, degrees: float
) -> None:
    frames = np.stack(made(engine, portrait, laugh, tmp_path, degrees, "full")[:3]).astype(int)
    still = np.abs(frames - frames[0]).max((0, 3)) <= 2  # the watermark follows the picture
    assert still.mean() > 0.6
