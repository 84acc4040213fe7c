"""The whole path in a browser: a face, a motion, a moving face."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import pytest

from .visit import DESKTOP, DEVICES, FACE, LONG, MOTION, PHONE, Visit

pytestmark = pytest.mark.browser
Come = Callable[..., Visit]
GIVE = """([way, file, type]) => {
  const bytes = Uint8Array.from(atob(file), (each) => each.charCodeAt(0));
  const data = new DataTransfer();
  data.items.add(new File([bytes], "me", { type }));
  const options = { bubbles: true, dataTransfer: data, clipboardData: data };
  const event = way === "drop" ? new DragEvent("drop", options) : new ClipboardEvent("paste", options);
  document.body.dispatchEvent(event);
}"""


@pytest.mark.parametrize("device", DEVICES)
def test_two_taps_make_a_face_move(visit: Come, device: str) -> None:
    here = visit(DEVICES[device]).open()
    here.shot(f"{device}-empty")
    here.choose(motion=LONG)
    here.state("working")
    here.until("document.getElementById('count').textContent.includes('of')")
    here.until("document.getElementById('live').naturalWidth > 0")  # frames are seen as they are made
    here.shot(f"{device}-working")
    here.state("done")
    here.playing()
    here.shot(f"{device}-done")
    assert here.page.evaluate("window.shift") <= 0.05
    assert here.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_portrait_of_the_public_domain_asks_for_no_consent(visit: Come) -> None:
    here = visit().open()
    here.tap(f"#templates [data-id={MOTION}]")  # the other way round works too
    here.tap(f"#portraits [data-id={FACE}]")
    assert here.page.locator("#consent-line").is_hidden()
    here.state("done")


def test_an_upload_waits_for_consent_and_then_moves(visit: Come, photo: Path) -> None:
    here = visit(DESKTOP).open()
    here.upload(photo)
    here.tap(f"#templates [data-id={MOTION}]")
    here.state("chosen")
    assert here.page.evaluate("document.activeElement.id") == "consent"
    here.shot("desktop-consent")
    here.page.keyboard.press("Space")
    here.state("done")
    here.playing()
    here.upload(photo)  # another photo may be of someone else
    assert not here.page.locator("#consent").is_checked()


@pytest.mark.parametrize("way", ["drop", "paste"])
def test_a_photo_may_be_dropped_or_pasted(visit: Come, photo: Path, way: str) -> None:
    here = visit(DESKTOP).open()
    here.page.evaluate(GIVE, [way, base64.b64encode(photo.read_bytes()).decode(), "image/jpeg"])
    here.state("chosen")
    assert here.page.locator("#own-face").get_attribute("aria-pressed") == "true"


def test_a_clip_that_is_dropped_is_a_motion(visit: Come, clip: Path) -> None:
    here = visit(DESKTOP).open()
    here.tap(f"#portraits [data-id={FACE}]")
    here.page.evaluate(GIVE, ["drop", base64.b64encode(clip.read_bytes()).decode(), "video/mp4"])
    here.state("done")
    assert here.page.locator("#own-motion").get_attribute("aria-pressed") == "true"


def test_the_camera_takes_a_selfie(visit: Come) -> None:
    here = visit(PHONE, permissions=["camera"]).open()
    here.tap("#open-camera")
    here.until("document.getElementById('view').videoWidth > 0")
    here.shot("phone-camera")
    here.tap("#shoot")
    here.state("chosen")
    here.tap("#consent")
    here.tap(f"#templates [data-id={MOTION}]")
    here.state("done")
    here.until("!document.getElementById('view').srcObject")  # the camera's light is out


def test_of_two_faces_one_is_tapped(visit: Come, two: Path) -> None:
    here = visit().open()
    here.upload(two)
    here.tap("#consent")
    here.tap(f"#templates [data-id={MOTION}]")
    here.state("done")
    assert here.page.locator("#people button").count() == 2
    here.shot("phone-two-faces")
    first = here.result()
    here.page.locator("#people button").nth(1).click()
    here.state("working")
    here.state("done")
    assert here.page.locator("#people [aria-pressed=true]").get_attribute("aria-label") == "Face 2"
    assert here.result() != first


def test_a_clip_of_ones_own(visit: Come, clip: Path) -> None:
    here = visit().open()
    here.tap(f"#portraits [data-id={FACE}]")
    here.upload(clip, into="#clip")
    here.state("done")
    here.playing()


def test_other_settings_make_it_again_in_one_tap(visit: Come) -> None:
    here = visit(DESKTOP).open()
    here.choose()
    here.state("done")
    here.tap("#options [value=absolute]")
    here.state("working")
    here.state("done")
    here.tap("#options [value=gif]")
    here.state("working")
    here.state("done")
    here.until("document.getElementById('animation').naturalWidth > 0")
    assert here.page.locator("#save").get_attribute("download") == "reenact.gif"


def test_a_result_is_saved_copied_paused_and_deleted(visit: Come) -> None:
    here = visit(DESKTOP, permissions=["clipboard-read", "clipboard-write"]).open()
    here.choose()
    here.playing()
    with here.page.expect_download() as download:
        here.tap("#save")
    assert download.value.suggested_filename == "reenact.mp4"
    here.tap("#copy")
    here.until("document.getElementById('status').textContent.includes('copied')")
    link = here.page.evaluate("navigator.clipboard.readText()")
    assert here.page.request.get(link).body() == download.value.path().read_bytes()
    here.tap("#pause")
    assert here.page.evaluate("document.getElementById('video').paused")
    here.tap("#delete")
    here.state("chosen")
    assert here.page.request.get(link).status in (404, 410)


def test_sharing_hands_over_the_file(visit: Come) -> None:
    here = visit()
    here.page.add_init_script(
        "navigator.canShare = () => true; navigator.share = async (it) => { window.shared = it.files[0]; };"
    )
    here.open().choose()
    here.state("done")
    here.tap("#share")
    here.until("window.shared && window.shared.size > 1000 && window.shared.name === 'reenact.mp4'")
