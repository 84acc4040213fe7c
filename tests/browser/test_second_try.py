"""What is not lost: a choice after an error, after a reload, while other things are tried; and what helps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from server.container import services_of

from .visit import DESKTOP, FACE, LONG, MOTION, Site, Visit

pytestmark = pytest.mark.browser
Come = Callable[..., Visit]
REFUSED = "Failed to load resource"
NO_PICTURE = {"name": "me.jpg", "mimeType": "image/jpeg", "buffer": b"Dear diary, today I was no picture."}


def chosen(here: Visit, tile: str) -> bool:
    return bool(here.page.locator(tile).get_attribute("aria-pressed") == "true")


def test_a_reload_keeps_what_was_chosen_so_far(visit: Come, photo: Path) -> None:
    here = visit().open()
    here.upload(photo)
    here.state("chosen")
    here.page.wait_for_timeout(200)  # it is stored meanwhile
    here.open().state("chosen")
    assert chosen(here, "#own-face")
    here.until("document.getElementById('status').textContent.includes('motion')")
    assert not here.page.locator("#consent").is_checked()


def test_a_reload_after_an_error_keeps_the_motion(visit: Come, noise: Path, photo: Path) -> None:
    here = visit(expected=(REFUSED,)).open()
    here.tap(f"#templates [data-id={MOTION}]")
    here.upload(noise)
    here.tap("#consent")
    here.problem("no_face_found")
    here.page.wait_for_timeout(200)
    here.open().state("chosen")
    assert chosen(here, f"#templates [data-id={MOTION}]")
    here.upload(photo)
    here.tap("#consent")
    here.state("done")


def test_what_was_cancelled_is_one_tap_away(visit: Come) -> None:
    here = visit().open()
    here.choose(motion=LONG)
    here.tap("#cancel")
    here.state("chosen")
    here.tap("#again")
    here.state("done")


def test_a_file_that_is_no_picture_leaves_the_face_before_chosen(visit: Come) -> None:
    here = visit(expected=(REFUSED,)).open()
    here.choose()
    here.state("done")
    here.upload(NO_PICTURE)
    here.problem("unsupported_media")
    assert chosen(here, f"#portraits [data-id={FACE}]")
    here.tap("#templates [data-id=blink]")
    here.state("done")


def test_a_yes_holds_for_its_photo_and_for_no_other(visit: Come, photo: Path, two: Path) -> None:
    here = visit().open()
    here.upload(photo)
    here.tap("#consent")
    here.tap(f"#portraits [data-id={FACE}]")
    here.tap("#own-face")
    assert here.page.locator("#consent").is_checked()
    here.page.evaluate(
        "document.querySelector('#portraits [data-id=peter-i]').dataset.licence = 'an operator asks'"
    )
    here.tap("#portraits [data-id=peter-i]")
    assert not here.page.locator("#consent").is_checked()
    here.tap("#consent")
    here.upload(two)
    assert not here.page.locator("#consent").is_checked()


@pytest.mark.parametrize("tap", ["save", "copy"])
def test_a_result_whose_time_is_over_says_so(visit: Come, site: Site, tap: str) -> None:
    here = visit(DESKTOP, expected=(REFUSED,)).open()
    here.choose()
    here.playing()
    here.page.evaluate("Date.now = () => 1e15")  # a day later
    with here.page.expect_download():  # or the clock is ahead: what is there is given
        here.tap("#save")
    use = services_of(site.app)
    (job,) = use.jobs.page(None, None, 1)
    assert job.outcome
    use.storage.delete(job.outcome.stored.token)
    here.tap(f"#{tap}")
    here.page.wait_for_selector("#problem[data-code=gone], #problem[data-code=not_found]")
    here.tap("#problem button")
    here.state("done")


def test_a_camera_that_is_not_allowed_leads_to_a_photo(visit: Come, photo: Path) -> None:
    here = visit()
    here.page.add_init_script(
        "navigator.mediaDevices.getUserMedia = async () => { throw { name: 'NotAllowedError' }; };"
    )
    here.open().tap("#open-camera")
    with here.page.expect_file_chooser() as chooser:
        here.tap("#photo-instead")
    chooser.value.set_files(photo)
    here.state("chosen")


def test_the_camera_opens_though_the_server_is_away(visit: Come, site: Site) -> None:
    here = visit(permissions=["camera"]).open()
    here.page.wait_for_load_state("networkidle")  # a thumbnail that is cut off would be complained about
    site.close()
    try:
        here.tap("#open-camera")
        here.until("document.getElementById('view').videoWidth > 0")
    finally:
        site.open()


def test_until_the_result_has_come_something_is_seen(visit: Come) -> None:
    here = visit().open()
    waiting: list[Any] = []
    here.page.route("**/v1/results/*", lambda route: waiting.append(route))
    here.choose()
    here.state("done")
    assert here.page.locator("#original").is_visible()
    here.page.unroute("**/v1/results/*")
    here.playing()
    assert here.page.locator("#original").is_hidden()


def test_a_page_that_is_not_ready_looks_so(visit: Come) -> None:
    here = visit(expected=(REFUSED,))
    here.page.route("**/static/app.js", lambda route: route.abort())
    here.page.goto(here.site.url)
    here.until("getComputedStyle(document.getElementById('pickers')).opacity === '0.5'")
    here.page.unroute("**/static/app.js")
    here.open()
    assert here.page.evaluate("getComputedStyle(document.getElementById('pickers')).opacity") == "1"
