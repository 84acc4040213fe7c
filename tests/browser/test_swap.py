"""A face that is put into a clip: what is chosen, what is asked, what is seen, and what is told where."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from reenact.media import write_clip
from reenact.types import Clip

from .test_choices import order
from .test_made_well import serious
from .test_path import GIVE
from .test_phone import SHORT
from .visit import DESKTOP, DEVICES, FILMED, PHONE, Site, Visit

pytestmark = pytest.mark.browser
Come = Callable[..., Visit]
OTHER = "thomas-jefferson"
REFUSED = "Failed to load resource"


def frames(face: Image.Image, count: int) -> list[Any]:
    picture = np.asarray(face.resize((256, 256)))
    return [np.roll(picture, shift % 8, axis=1) for shift in range(count)]


@pytest.fixture(scope="session")
def long(face: Image.Image, folder: Path) -> Path:
    """A clip of three seconds, of which this site uses two."""
    return write_clip(Clip(iter(frames(face, 30)), Fraction(10), 30), folder / "holiday.mp4").path


@pytest.fixture(scope="session")
def faceless(noise: Path, folder: Path) -> Path:
    with Image.open(noise) as picture:
        pixels = np.asarray(picture.convert("RGB").resize((256, 256)))
    return write_clip(Clip(iter([pixels] * 4), Fraction(10), 4), folder / "faceless.mp4").path


def swapping(here: Visit) -> Visit:
    here.open().tap("#acts label:has([value=swap])")
    return here


def text(here: Visit, selector: str) -> str:
    return re.sub("[\u2066-\u2069]", "", here.page.locator(selector).inner_text())


@pytest.mark.parametrize("device", DEVICES)
def test_a_face_is_put_into_a_clip(visit: Come, clip: Path, site: Site, device: str) -> None:
    here = swapping(visit(DEVICES[device]))
    here.shot(f"{device}-swap-empty")
    here.upload(clip, into="#clip")
    here.until("document.getElementById('own-length').textContent === '0.4s'")
    assert here.page.evaluate("document.getElementById('scene-video').videoWidth") == 256
    here.tap(f"#portraits [data-id={OTHER}]")
    assert "“Thomas Jefferson” into “clip.mp4”" in text(here, "#consent-words")
    here.tap("#make")
    here.state("chosen")  # nothing is sent before the word is given
    assert here.page.evaluate("document.activeElement.id") == "consent"
    here.shot(f"{device}-swap-chosen")
    here.page.keyboard.press("Space")
    here.tap("#make")
    here.state("working")
    here.state("done")
    here.playing()
    here.shot(f"{device}-swap-done")
    made = order(site)
    assert (made.effect, made.portrait, made.start, made.end) == ("swap", OTHER, 0, None)
    assert here.page.evaluate("window.shift") <= 0.05
    assert here.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert here.page.evaluate(SHORT) == []


def test_what_was_there_is_seen_for_as_long_as_the_button_is_held(visit: Come, long: Path) -> None:
    here = swapping(visit(DESKTOP))
    here.upload(long, into="#clip")
    here.tap(f"#portraits [data-id={OTHER}]")
    here.tap("#consent")
    here.tap("#make")
    here.until("document.getElementById('live').naturalWidth > 0")  # frames are seen as they are made
    here.state("done")
    here.playing()
    here.tap("#pause")
    here.page.locator("#compare").hover()
    here.page.mouse.down()
    seen = "getComputedStyle(document.getElementById('scene')).visibility"
    assert here.page.evaluate(seen) == "visible"
    here.shot("desktop-swap-compare")
    now = "document.getElementById('{}').currentTime"
    here.until(f"Math.abs({now.format('video')} - {now.format('scene-video')}) < 0.1")
    here.page.mouse.up()
    assert here.page.evaluate(seen) == "hidden"
    here.page.locator("#compare").focus()
    here.page.keyboard.down("Enter")
    assert here.page.evaluate(seen) == "visible"
    here.page.keyboard.up("Enter")
    assert here.page.evaluate(seen) == "hidden"


def test_of_a_clip_that_is_too_long_a_part_is_chosen(visit: Come, long: Path, site: Site) -> None:
    here = swapping(visit(PHONE))
    here.upload(long, into="#clip")
    here.page.wait_for_selector("#trim[open]")
    assert text(here, "#trim-line").startswith("The clip lasts 3 seconds; at most 2 seconds")
    assert text(here, "#part") == "0:00.0 \u2013 0:02.0 · 2s"
    here.page.locator("#end").fill("3")  # the other handle follows
    assert text(here, "#part") == "0:01.0 \u2013 0:03.0 · 2s"
    here.page.locator("#start").focus()
    for _ in range(5):
        here.page.keyboard.press("ArrowRight")
    assert text(here, "#part") == "0:01.5 \u2013 0:03.0 · 1.5s"
    assert here.page.locator("#start").get_attribute("aria-valuetext") == "1.5 seconds"
    here.shot("phone-swap-trim")
    here.page.wait_for_timeout(200)  # it is stored meanwhile
    here.open()  # a reload finds the act, the clip and its part
    here.until("document.getElementById('part').textContent.includes('1.5s')")
    here.tap(f"#portraits [data-id={OTHER}]")
    here.tap("#consent")
    here.tap("#make")
    here.state("done")
    assert (order(site).start, order(site).end) == (1.5, 3.0)


def test_a_yes_is_for_one_face_and_one_clip(visit: Come, clip: Path, long: Path, photo: Path) -> None:
    here = swapping(visit(DESKTOP))
    here.page.evaluate(GIVE, ["drop", base64.b64encode(clip.read_bytes()).decode(), "video/mp4"])
    here.upload(photo)
    here.tap("#consent")
    here.upload(long, into="#clip")
    here.until("document.getElementById('consent-words').textContent.includes('holiday.mp4')")
    assert not here.page.locator("#consent").is_checked()
    here.tap("#consent")
    here.tap(f"#portraits [data-id={OTHER}]")
    assert not here.page.locator("#consent").is_checked()


def test_what_is_wrong_is_told_beside_it(visit: Come, clip: Path, faceless: Path, noise: Path) -> None:
    here = swapping(visit(PHONE, expected=(REFUSED,)))
    heavy = {"name": "heavy.mp4", "mimeType": "video/mp4", "buffer": bytes(2_000_001)}
    here.upload(heavy, into="#clip")
    here.page.wait_for_selector("#clip-trouble[data-code=upload_too_large]")
    here.upload(faceless, into="#clip")
    here.tap(f"#portraits [data-id={OTHER}]")
    here.tap("#consent")
    here.tap("#make")
    here.page.wait_for_selector("#clip-trouble[data-code=no_face_found]")
    assert "in the clip" in text(here, "#clip-trouble")
    here.shot("phone-swap-clip-trouble")
    with here.page.expect_file_chooser() as chooser:
        here.tap("#clip-trouble button")
    chooser.value.set_files(clip)
    here.page.wait_for_selector("#clip-trouble:empty", state="attached")
    here.upload(noise)
    here.tap("#consent")
    here.tap("#make")
    here.page.wait_for_selector("#face-trouble[data-code=no_face_found]")
    assert serious(here.page) == []
    here.tap("#acts label:has([value=move])")
    assert here.page.locator("#face-trouble").inner_text() == ""


def test_a_gif_is_a_clip_with_a_length(visit: Come, face: Image.Image, folder: Path) -> None:
    pictures = [Image.fromarray(each) for each in frames(face, 4)]
    here = swapping(visit(DESKTOP, locale="ar"))
    for kind in ("gif", "webp"):
        path = folder / f"moving.{kind}"
        pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=200, loop=0)
        here.upload(path, into="#clip")
        here.until(f"document.getElementById('own-name').textContent === 'moving.{kind}'")
        here.until("document.getElementById('own-length').textContent !== ''")
        assert re.search(r"[0\u0660][.\u066b][8\u0668]", text(here, "#own-length"))
    assert here.page.locator("#scene-image").is_visible()
    here.shot("desktop-swap-ar")
    assert serious(here.page) == []


def test_a_clip_of_the_gallery(visit: Come, site: Site) -> None:
    here = swapping(visit(DESKTOP))
    assert here.page.locator("#clips [data-id]").count() == 1
    here.tap(f"#clips [data-id={FILMED}]")
    here.tap(f"#portraits [data-id={OTHER}]")
    assert "into “Surprise”" in text(here, "#consent-words")
    here.tap("#consent")
    here.tap("#make")
    here.state("done")
    here.playing()
    assert order(site).template == FILMED
    assert here.page.locator("#compare").is_hidden()  # that clip itself is not sent to anybody


def test_what_no_browser_and_no_server_reads_is_not_kept(visit: Come) -> None:
    here = swapping(visit(DESKTOP, expected=(REFUSED,)))
    here.upload({"name": "me.mp4", "mimeType": "video/mp4", "buffer": b"no clip" * 99}, into="#clip")
    here.page.locator("#no-scene").wait_for(state="visible")
    here.tap(f"#portraits [data-id={OTHER}]")
    here.tap("#consent")
    here.tap("#make")
    here.page.wait_for_selector("#clip-trouble[data-code=unsupported_media]")
    assert here.page.locator("#own-scene").is_hidden() and here.page.locator("#no-scene").is_hidden()
