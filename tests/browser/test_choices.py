"""What a visitor may choose beyond two taps: kinds of files, cameras, settings, ways to keep a result."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pillow_heif
import pytest
from PIL import Image

from server.container import services_of
from server.jobs import Order

from .visit import DESKTOP, FACE, MOTION, PHONE, Site, Visit

pytestmark = pytest.mark.browser
Come = Callable[..., Visit]


def order(site: Site) -> Order:
    """The latest."""
    latest: Order = services_of(site.app).jobs.page(None, None, 1)[0].order
    return latest


@pytest.mark.parametrize("drawn", [True, False])
def test_a_photo_that_the_browser_cannot_show_is_drawn_by_the_server(
    visit: Come, two: Path, folder: Path, drawn: bool
) -> None:
    with Image.open(two) as photo:
        pillow_heif.from_pillow(photo.resize((1760, 960))).save(folder / "us.heic")
    here = visit(PHONE, expected=("Failed to load resource",)).open()
    if not drawn:  # it moves all the same
        here.page.route("**/v1/previews", lambda route: route.abort())
    here.upload(folder / "us.heic")
    if drawn:
        for picture in ("original", "own-picture", "inset"):
            here.until(f"document.getElementById('{picture}').naturalWidth === 1024")
    here.page.locator("#no-preview").wait_for(state="hidden" if drawn else "visible")
    here.shot(f"phone-heic-{drawn}")
    here.tap("#consent")
    here.tap(f"#templates [data-id={MOTION}]")
    here.state("done")
    here.playing()
    here.shot(f"phone-heic-faces-{drawn}")
    assert here.page.locator("#before").is_visible() == drawn
    assert here.page.locator("#people canvas").count() == (2 if drawn else 0)


def test_the_other_camera_is_not_mirrored(visit: Come) -> None:
    here = visit(PHONE, permissions=["camera"])
    here.page.add_init_script(  # the fake camera is a single one
        "navigator.mediaDevices.enumerateDevices = async () => Array(2).fill({ kind: 'videoinput' });"
    )
    here.open().tap("#open-camera")
    here.page.wait_for_selector("#view.mirrored")
    here.tap("#switch")
    here.page.wait_for_selector("#view:not(.mirrored)")
    here.until("document.getElementById('view').videoWidth > 0")
    here.tap("#camera-close")
    assert here.page.evaluate("document.activeElement.id") == "open-camera"


def test_a_camera_that_is_not_allowed_is_explained(visit: Come) -> None:
    here = visit(PHONE)
    here.page.add_init_script(
        "navigator.mediaDevices.getUserMedia = async () => { throw { name: 'NotAllowedError' }; };"
    )
    here.open().tap("#open-camera")
    here.until("document.getElementById('camera-line').textContent.includes('not allowed')")
    assert here.page.locator("#shoot").is_disabled()


def test_a_smaller_size_gives_a_smaller_video(visit: Come, site: Site) -> None:
    here = visit(DESKTOP).open()
    here.choose()
    here.playing()
    assert order(site).size == 512
    large = here.page.evaluate("document.getElementById('video').videoWidth")
    here.tap("#options [value='256']")
    here.state("working")
    here.state("done")
    here.playing()
    assert here.page.evaluate("document.getElementById('video').videoWidth") < large
    assert order(site).size == 256


def test_the_face_alone_is_a_square(visit: Come, site: Site) -> None:
    here = visit(PHONE).open()
    here.choose()
    here.state("done")
    here.tap("#options [value=crop]")
    here.state("working")
    here.state("done")
    here.playing()
    size = here.page.evaluate("(v => [v.videoWidth, v.videoHeight])(document.getElementById('video'))")
    assert size == [512, 512]
    assert order(site).paste == "crop"


def test_the_strength_is_set_in_one_move(visit: Come, site: Site) -> None:
    here = visit(DESKTOP).open()
    here.choose()
    here.state("done")
    here.page.locator("#strength").fill("1.5")
    here.state("working")
    here.state("done")
    assert here.page.locator("#strength-value").text_content() == "150%"
    assert (order(site).strength, order(site).mode) == (1.5, "relative")


def test_a_label_says_that_it_was_made_until_it_is_unticked(visit: Come, site: Site) -> None:
    here = visit(DESKTOP).open("/?lang=nl")
    here.choose()
    here.state("done")
    assert order(site).label == "nl"
    here.shot("desktop-label")
    here.tap("#label")
    here.state("working")
    here.state("done")
    assert order(site).label is None
    here.open()  # the choice outlives a reload
    assert not here.page.locator("#label").is_checked()


def test_the_movement_is_mirrored_in_one_tap(visit: Come, site: Site) -> None:
    here = visit(PHONE).open()
    here.choose()
    here.state("done")
    here.tap("#options [name=mirror]")
    here.state("working")
    here.state("done")
    assert order(site).mirror
    assert here.page.locator("#audio").is_hidden()  # this motion has no sound


def test_a_webp_is_saved_as_one(visit: Come) -> None:
    here = visit(DESKTOP).open()
    here.choose()
    here.state("done")
    here.tap("#options [value=webp]")
    here.state("working")
    here.state("done")
    with here.page.expect_download() as download:
        here.tap("#save")
    assert download.value.suggested_filename == "reenact.webp"
    assert download.value.path().read_bytes()[8:12] == b"WEBP"


def test_sound_is_offered_where_there_is_some(visit: Come, site: Site, clip: Path, sounding: Path) -> None:
    here = visit(DESKTOP).open()
    here.tap(f"#portraits [data-id={FACE}]")
    here.tap(f"#templates [data-id={MOTION}]")
    here.state("done")
    assert here.page.locator("#sound").is_hidden()
    here.upload(clip, into="#clip")
    here.state("working")
    here.state("done")
    assert here.page.locator("#sound").is_hidden()  # that clip is silent
    here.upload(sounding, into="#clip")
    here.state("working")
    here.state("done")
    here.tap("#sound")
    assert not here.page.evaluate("document.getElementById('video').muted")
    here.tap("#options [name=audio]")
    here.state("working")
    here.state("done")
    assert not order(site).audio
    assert here.page.locator("#sound").is_hidden()


def test_without_a_clipboard_the_link_is_shown(visit: Come) -> None:
    here = visit(DESKTOP)
    here.page.add_init_script("navigator.clipboard.writeText = async () => { throw new Error(); };")
    here.open().choose()
    here.state("done")
    here.tap("#copy")
    link: Any = here.page.locator("#link").input_value()
    assert here.page.request.get(link).ok
