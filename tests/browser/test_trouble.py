"""What goes wrong on the way, and what the visitor is told: one sentence, one thing that helps."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from reenact.media import write_clip
from reenact.types import Clip
from server.access.rate import OrderRate
from server.container import services_of

from .visit import FACE, LONG, MOTION, Site, Visit

pytestmark = pytest.mark.browser
Come = Callable[..., Visit]
REFUSED = "Failed to load resource"
BAD = (
    "no_face_found",
    "face_too_small",
    "unsupported_media",
    "image_unreadable",
    "image_too_large",
    "upload_too_large",
)
UNSEEN = ("unsupported_media",)  # the server is asked at once about what no browser draws


def jobs(site: Site) -> list[Any]:
    """All jobs of this session, the latest first."""
    return services_of(site.app).jobs.page(None, None, 100)


@pytest.fixture(scope="session")
def small(face: Image.Image, folder: Path) -> Path:
    """A face that is found, but is too small to move."""
    picture = Image.new("RGB", (160, 120), (120, 120, 120))
    picture.paste(face.resize((64, 64)), (48, 28))
    picture.save(folder / "small.png")
    return folder / "small.png"


@pytest.fixture(scope="session")
def large(folder: Path) -> Path:
    """More pixels than this site takes."""
    Image.new("L", (2100, 2100)).save(folder / "large.png")
    return folder / "large.png"


@pytest.fixture(scope="session")
def bad(photo: Path, noise: Path, small: Path, large: Path) -> dict[str, Path | dict[str, Any]]:
    """A photo for each of the codes that a photo can cause."""

    def file(name: str, kind: str, content: bytes) -> dict[str, Any]:
        return {"name": name, "mimeType": kind, "buffer": content}

    return {
        "no_face_found": noise,
        "face_too_small": small,
        "image_too_large": large,
        "unsupported_media": file("me.jpg", "image/jpeg", b"Dear diary, today I was no picture at all."),
        "image_unreadable": file("me.jpg", "image/jpeg", photo.read_bytes()[:2000]),
        "upload_too_large": file("me.jpg", "image/jpeg", photo.read_bytes() + bytes(2_000_000)),
    }


@pytest.mark.parametrize("code", BAD)
def test_a_photo_that_will_not_do(visit: Come, bad: dict[str, Any], photo: Path, code: str) -> None:
    here = visit(expected=(REFUSED,)).open()
    here.tap(f"#templates [data-id={MOTION}]")
    here.upload(bad[code])
    if code not in UNSEEN:
        here.tap("#consent")
    here.problem(code)
    here.shot(f"phone-{code}")
    with here.page.expect_file_chooser() as chooser:  # the one button under the sentence helps
        here.tap("#problem button")
    chooser.value.set_files(photo)
    here.tap("#consent")
    here.state("done")


@pytest.fixture(scope="session")
def bad_clips(noise: Path, face: Image.Image, folder: Path) -> dict[str, Path | dict[str, Any]]:
    """A clip for each of the codes that a clip can cause."""

    def still(picture: Image.Image, name: str, rate: int) -> Path:
        frames = iter([np.asarray(picture.resize((256, 256)))] * 6)
        return write_clip(Clip(frames, Fraction(rate), 6), folder / name).path

    damaged = still(face, "whole.mp4", 10).read_bytes()[:600]
    return {
        "unsupported_media": {"name": "me.mp4", "mimeType": "video/mp4", "buffer": b"no clip" * 99},
        "driving_unreadable": {"name": "me.mp4", "mimeType": "video/mp4", "buffer": damaged},
        "driving_too_long": still(face, "slow.mp4", 2),
        "no_face_found": still(Image.open(noise), "noise.mp4", 10),
    }


@pytest.mark.parametrize(
    "code", ["unsupported_media", "driving_unreadable", "driving_too_long", "no_face_found"]
)
def test_a_clip_that_will_not_do(visit: Come, bad_clips: dict[str, Any], clip: Path, code: str) -> None:
    here = visit(expected=(REFUSED,)).open()
    here.tap(f"#portraits [data-id={FACE}]")
    here.upload(bad_clips[code], into="#clip")
    here.problem(code)
    with here.page.expect_file_chooser() as chooser:
        here.tap("#problem button")
    chooser.value.set_files(clip)
    here.state("done")


def test_a_photo_that_nobody_can_read_is_not_kept(visit: Come, bad: dict[str, Any]) -> None:
    here = visit(expected=(REFUSED,)).open()
    here.upload(bad["unsupported_media"])
    here.problem("unsupported_media")
    assert here.page.locator("#no-preview").is_hidden()  # it says that the server can read it
    assert here.page.locator("#own-face").is_hidden()
    assert here.page.locator("#original").is_hidden()
    here.tap(f"#templates [data-id={MOTION}]")
    here.state("empty")  # asks for a face, not for consent to one that cannot be used


def test_a_photo_that_was_refused_is_not_called_readable(visit: Come, bad: dict[str, Any]) -> None:
    here = visit(expected=(REFUSED,)).open()
    here.page.route("**/v1/previews", lambda route: route.abort())
    here.tap(f"#templates [data-id={MOTION}]")
    here.upload(bad["unsupported_media"])
    here.tap("#consent")
    here.problem("unsupported_media")
    assert here.page.locator("#no-preview").is_hidden()
    here.page.wait_for_timeout(200)  # it is stored meanwhile
    here.open()
    assert here.page.locator("#no-preview").is_hidden()
    assert here.page.locator("#own-face").is_hidden()


def test_what_could_not_be_deleted_is_not_said_to_be(visit: Come, site: Site) -> None:
    here = visit(expected=(REFUSED,)).open()
    here.choose()
    here.state("done")
    site.close()
    try:
        here.tap("#delete")
        here.until("document.getElementById('status').textContent.includes('could not')")
    finally:
        site.open()
    here.state("done")
    here.tap("#delete")
    here.until("document.getElementById('status').textContent.includes('is deleted')")
    assert here.page.evaluate("document.activeElement.id") == "stage"  # the keyboard's place is not lost
    assert all(job.outcome is None for job in jobs(site)[:1])


def test_of_two_files_either_may_be_changed(visit: Come, noise: Path, clip: Path) -> None:
    here = visit().open()
    here.upload(noise)
    here.tap("#consent")
    here.upload(clip, into="#clip")
    here.problem("no_face_found")
    assert here.page.locator("#problem button").count() == 2


def test_a_result_that_is_gone_can_be_made_again(visit: Come, site: Site) -> None:
    here = visit(expected=(REFUSED,)).open()
    use = services_of(site.app)

    def late(route: Any) -> None:
        (job,) = use.jobs.page(None, None, 1)
        assert job.outcome
        use.storage.delete(job.outcome.stored.token)
        route.continue_()

    here.page.route("**/v1/results/*", late)
    here.choose()
    here.page.wait_for_selector("#problem[data-code=gone], #problem[data-code=not_found]")
    here.page.unroute("**/v1/results/*")
    here.tap("#problem button")
    here.state("done")
    here.playing()


def test_one_who_is_offline_is_told_and_goes_on(visit: Come) -> None:
    here = visit(expected=(REFUSED,)).open()
    here.page.context.set_offline(True)
    here.choose()
    here.until("document.getElementById('status').textContent.includes('offline')")
    here.page.context.set_offline(False)
    here.state("done")


def test_too_many_orders_are_told_when_to_go_on(visit: Come, site: Site) -> None:
    use = services_of(site.app)
    key, text = use.keys.add("a hurried visitor")
    usual, use.rate = use.rate, OrderRate(1, None)
    try:
        here = visit(expected=(REFUSED,))
        here.page.add_init_script(f"sessionStorage.setItem('key', '{text}');")
        here.open().choose()
        here.state("done")
        here.tap("#templates [data-id=blink]")
        here.problem("rate_limited")
        assert any(letter.isdigit() for letter in here.page.locator("#problem").inner_text())
    finally:
        use.rate = usual
        use.keys.revoke(key.id)


def test_a_full_queue_asks_to_wait(visit: Come, site: Site) -> None:
    here = visit(expected=(REFUSED,)).open()
    order = {"portrait": FACE, "template": LONG, "consent": "true"}
    made = [here.page.request.post(f"{site.url}/v1/animations", multipart=order).json() for _ in range(4)]
    here.choose()
    here.problem("queue_full")
    for job in made:
        if "id" in job:
            here.page.request.delete(f"{site.url}/v1/animations/{job['id']}")
    here.tap("#problem button")
    here.state("done")


def test_cancelling_stops_it_on_the_server_too(visit: Come, site: Site) -> None:
    here = visit().open()
    here.choose(motion=LONG)
    here.until("document.getElementById('count').textContent.includes('of')")
    here.tap("#cancel")
    here.state("chosen")
    here.until("document.getElementById('status').textContent.includes('Cancelled')")
    here.page.wait_for_timeout(300)  # the server hears of it after the visitor does
    assert jobs(site)[0].status == "cancelled"


def test_a_reload_goes_on_with_the_same_job(visit: Come, site: Site) -> None:
    here = visit().open()
    here.choose(motion=LONG)
    here.until("document.getElementById('count').textContent.includes('of')")
    before = jobs(site)[0].id
    here.page.reload()
    here.state("done")
    assert jobs(site)[0].id == before
    here.page.reload()  # and the result is still there
    here.state("done")
    assert jobs(site)[0].id == before


def test_a_lost_server_is_waited_for(visit: Come, site: Site) -> None:
    here = visit(expected=(REFUSED,)).open()
    here.choose(motion=LONG)
    here.until("document.getElementById('count').textContent.includes('of')")
    before = jobs(site)[0].id
    site.close()
    try:
        here.until("document.getElementById('status').textContent.includes('No connection')")
    finally:
        site.open()
    here.state("done")
    assert jobs(site)[0].id == before
    assert here.page.evaluate("window.shift") <= 0.01  # that sentence moves nothing


def asked(visit: Visit) -> list[str]:
    """The last part of each address that a visitor's page asks, as it asks them."""
    heard: list[str] = []
    visit.page.on("request", lambda request: heard.append(request.url.rpartition("/")[2]))
    return heard


def test_a_job_is_told_not_asked_for(visit: Come, site: Site) -> None:
    here = visit().open()
    heard = asked(here)
    here.choose()
    here.state("done")
    assert heard.count("events") == 1
    assert jobs(site)[0].id not in heard


@pytest.mark.parametrize("cut", ["refused", "another answer", "collected"])
def test_without_a_stream_the_page_asks(visit: Come, site: Site, cut: str) -> None:
    here = visit(expected=(REFUSED,)).open()
    heard = asked(here)

    def meet(route: Any) -> None:
        if cut == "refused":
            route.abort()
        elif cut == "another answer":
            route.fulfill(status=502, body="Bad gateway")  # of a proxy; "collected" leaves it without any

    here.page.route("**/events", meet)
    here.choose()
    here.state("done")
    assert jobs(site)[0].id in heard


def test_a_server_that_wants_a_key_is_given_one(visit: Come, site: Site) -> None:
    keys = services_of(site.app).keys
    key, text = keys.add("a visitor")
    try:
        here = visit(expected=(REFUSED,)).open()
        here.choose()
        here.problem("unauthorized")
        here.page.locator("#key").fill("rk_mistyped")
        here.tap("#access button")
        here.problem("key_unknown")
        here.page.locator("#key").fill(text)
        here.tap("#access button")
        here.state("done")
        here.playing()
    finally:
        keys.revoke(key.id)
