"""What a person with a phone sees: a large result, nothing covered, everything within reach of a finger."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .visit import DESKTOP, FACE, LONG, MOTION, PHONE, Visit

pytestmark = pytest.mark.browser
Come = Callable[..., Visit]
SMALL = {**PHONE, "viewport": {"width": 360, "height": 640}}
FINGER = 44  # pixels
SHORT = """() => [...document.querySelectorAll("a, button, summary, label, input")].filter((it) => {
  const { width, height } = it.getBoundingClientRect();
  const covered = it.closest("label:has(input)") !== it && it.closest("label");
  const named = it.matches("label[for]") || it.type === "file";
  return width && !covered && !named && (width < 43.9 || height < 43.9);
}).map((it) => it.outerHTML)"""


def box(here: Visit, selector: str) -> Any:
    return here.page.evaluate(
        "it => document.querySelector(it).getBoundingClientRect().toJSON()",
        selector,
    )


def test_the_result_is_large_and_what_was_tapped_stays_in_sight(visit: Come) -> None:
    here = visit(SMALL).open()
    here.choose(motion=LONG)
    here.state("done")
    here.playing()
    video = "(v => Math.min(v.clientWidth, v.clientHeight * v.videoWidth / v.videoHeight))"
    assert here.page.evaluate(f"{video}(document.getElementById('video'))") > 0.85 * 360
    here.until("document.querySelector('#stage').getBoundingClientRect().top === 0")
    tile, stage = box(here, f"#templates [data-id={LONG}] .picture"), box(here, "#stage")
    assert box(here, "#save")["bottom"] <= stage["bottom"] <= tile["top"]
    assert tile["bottom"] <= 640


def test_faces_to_tap_cover_nothing_and_stay_while_another_is_made(visit: Come, two: Path) -> None:
    here = visit(SMALL).open()
    here.tap(f"#templates [data-id={MOTION}]")
    here.upload(two)
    here.tap("#consent")
    here.state("done")
    here.shot("small-phone-two-faces")
    screen, stage = box(here, "#screen"), box(here, "#stage")
    for each in here.page.locator("#people button").all():
        found = each.bounding_box()
        assert found and found["y"] >= screen["bottom"] and found["width"] >= FINGER
    here.page.locator("#people button").nth(1).click()
    assert here.page.locator("#people button").nth(1).get_attribute("aria-pressed") == "true"
    here.state("working")
    assert here.page.locator("#several").is_visible()
    here.state("done")
    assert box(here, "#stage")["height"] == stage["height"]
    assert here.page.evaluate("document.activeElement.getAttribute('aria-label')") == "Face 2"
    assert "Who should move?" in here.page.locator("#status").inner_text()
    here.tap(f"#portraits [data-id={FACE}]")
    assert here.page.locator("#several").is_hidden()  # it has one face


@pytest.mark.parametrize("device", [SMALL, DESKTOP])
def test_a_finger_hits_everything(visit: Come, device: dict[str, Any]) -> None:
    here = visit(device).open()
    assert here.page.evaluate(SHORT) == []
    here.choose()
    here.state("done")
    assert here.page.evaluate(SHORT) == []


def test_a_motion_first_shows_the_faces(visit: Come) -> None:
    here = visit(SMALL).open()
    here.tap("#templates .tile:nth-last-child(2)")
    here.until("document.getElementById('status').textContent.includes('face')")
    below = "document.querySelector('#stage').getBoundingClientRect().bottom"
    here.until(f"document.querySelector('#open-camera').getBoundingClientRect().top >= {below} - 1")


def test_save_stays_where_it_is_while_sharing_gets_ready(visit: Come) -> None:
    here = visit(SMALL)
    here.page.add_init_script("navigator.canShare = () => true;")
    waiting: list[Any] = []
    here.open().page.route("**/v1/results/*", lambda route: waiting.append(route))
    here.choose()
    here.state("done")
    before = box(here, "#save")
    assert here.page.locator("#share").is_disabled()
    here.page.unroute("**/v1/results/*")
    here.until("!document.getElementById('share').disabled")
    assert box(here, "#save") == before


def test_a_phone_without_https_takes_the_selfie_with_its_own_camera(visit: Come, photo: Path) -> None:
    here = visit(SMALL)
    here.page.add_init_script("Object.defineProperty(navigator, 'mediaDevices', { value: undefined });")
    here.open()
    with here.page.expect_file_chooser() as chooser:
        here.tap("#open-camera")
    assert here.page.locator("#photo").get_attribute("capture") == "user"
    chooser.value.set_files(photo)
    here.state("chosen")
    with here.page.expect_file_chooser():
        here.tap("#choose-photo")
    assert here.page.locator("#photo").get_attribute("capture") is None


def test_the_oval_of_the_camera_fits_a_phone_on_its_side(visit: Come) -> None:
    here = visit({**PHONE, "viewport": {"width": 740, "height": 360}}, permissions=["camera"]).open()
    here.tap("#open-camera")
    here.until("document.getElementById('view').videoWidth > 0")
    finder, oval = box(here, "#finder"), box(here, "#guide ellipse")
    assert finder["top"] <= oval["top"] and oval["bottom"] <= finder["bottom"]
