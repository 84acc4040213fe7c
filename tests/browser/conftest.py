"""Debian's Chromium on the real service: pages that must stay clean, and what a visitor gives them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from reenact.config import MOTIONS
from reenact.gallery import get_portrait, get_template, template_ids
from reenact.media import read_picture, write_clip
from reenact.motion.motion_file import save_motion
from reenact.motion.retime import RetimeOptions, retime
from reenact.types import Clip
from server.settings import Settings
from tests.sounds import with_tone

from .visit import CHROMIUM, FACE, FILMED, LONG, MEASURE_SHIFT, PHONE, ROOT, Site, Visit, chromium, serve

pytest.importorskip("playwright.sync_api", reason="optional part missing: playwright")
FRAMES = {LONG: 32}  # of a motion in these tests, 6 unless said: their number is not what is tested here


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory, clip: Path) -> Path:
    """The shipped gallery, each motion cut to its first frames; one has its clip."""
    folder = tmp_path_factory.mktemp("media") / "motions"
    shutil.copytree(MOTIONS, folder)
    for id in template_ids(MOTIONS):
        short = retime(get_template(id).motion, RetimeOptions(last=FRAMES.get(id, 6) - 1))
        save_motion(short, folder / id / "motion.npz")
    shutil.copy(clip, folder / FILMED / "driving.mp4")
    return folder


@pytest.fixture(scope="session")
def settings(templates: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    famous = Path(os.environ.get("REENACT_SHARED", ROOT.parent / "shared")) / "portraits"
    return Settings(
        data=tmp_path_factory.mktemp("var"),
        templates=templates,
        more_portraits=famous,
        upload_bytes=2_000_000,
        selfie_pixels=4_000_000,
        driving_seconds=2.0,
        queue_length=2,
    )


@pytest.fixture(scope="session")
def site(settings: Settings) -> Iterator[Site]:
    with serve(settings) as site:
        yield site


@pytest.fixture(scope="session")
def browser(need: Callable[[str, object], None], camera: Path) -> Iterator[Any]:
    need("chromium", CHROMIUM)
    with chromium(f"--use-file-for-fake-video-capture={camera}") as launched:
        yield launched


@pytest.fixture
def visit(browser: Any, site: Site) -> Iterator[Callable[..., Visit]]:
    """visit(device, **context): a visitor; afterwards nothing may have been complained about."""
    made: list[Visit] = []

    def come(device: dict[str, Any] = PHONE, expected: tuple[str, ...] = (), **context: Any) -> Visit:
        page = browser.new_context(**{"locale": "en-GB", **device, **context}).new_page()
        visit = Visit(page, site, expected=expected)
        page.on("console", lambda message: message.type == "error" and visit.hear(message.text))
        page.on("pageerror", lambda error: visit.hear(str(error)))
        page.add_init_script(MEASURE_SHIFT)
        made.append(visit)
        return visit

    yield come
    for visit in made:
        visit.page.context.close()
        assert visit.complaints == []


@pytest.fixture(scope="session")
def face() -> Image.Image:
    """A shipped face, 480 pixels square."""
    picture = Image.fromarray(read_picture(get_portrait(FACE).path))
    side = min(picture.size)
    return picture.crop((0, 0, side, side)).resize((480, 480))


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("uploads")


@pytest.fixture(scope="session")
def photo(face: Image.Image, folder: Path) -> Path:
    face.save(folder / "me.jpg")
    return folder / "me.jpg"


@pytest.fixture(scope="session")
def two(face: Image.Image, folder: Path) -> Path:
    """A photo of two people."""
    other = Image.fromarray(read_picture(get_portrait("peter-i").path)).resize((400, 480))
    both = Image.new("RGB", (880, 480))
    both.paste(face, (0, 0))
    both.paste(other, (480, 0))
    both.save(folder / "two.jpg")
    return folder / "two.jpg"


@pytest.fixture(scope="session")
def camera(face: Image.Image, folder: Path) -> Path:
    """What the fake camera sees: the shipped face, as frames of JPEG."""
    frame = Image.new("RGB", (640, 480), (90, 90, 90))
    frame.paste(face, (80, 0))
    frame.save(folder / "frame.jpg", quality=92)
    path = folder / "camera.mjpeg"
    path.write_bytes((folder / "frame.jpg").read_bytes() * 5)
    return path


@pytest.fixture(scope="session")
def clip(face: Image.Image, folder: Path) -> Path:
    """A clip of four frames in which the shipped face moves a little to the side."""
    picture = np.asarray(face.resize((256, 256)))
    frames = (np.roll(picture, 3 * shift, axis=1) for shift in range(4))
    return write_clip(Clip(frames, Fraction(10), 4), folder / "clip.mp4").path


@pytest.fixture(scope="session")
def sounding(clip: Path, folder: Path) -> Path:
    """The same clip with a tone."""
    return with_tone(clip, folder / "sounding.mp4")


@pytest.fixture(scope="session")
def noise(folder: Path) -> Path:
    """A picture without a face."""
    pixels = np.random.default_rng(0).integers(0, 255, (300, 300, 3), np.uint8)
    Image.fromarray(pixels).save(folder / "noise.png")
    return folder / "noise.png"
