"""For everyone: keyboard, screen reader, right to left, dark, calm, small."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin

import pytest

from .visit import DESKTOP, DEVICES, FACE, MOTION, PHONE, Visit

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="optional part missing: axe")
pytestmark = pytest.mark.browser
Come = Callable[..., Visit]


def box(here: Visit, selector: str) -> Any:
    return here.page.evaluate("it => document.querySelector(it).getBoundingClientRect().toJSON()", selector)


def serious(page: Any) -> list[tuple[str, str]]:
    """What axe holds against the page."""
    found = axe.Axe().run(page).response["violations"]
    return [(it["id"], it["nodes"][0]["html"]) for it in found if it["impact"] in ("serious", "critical")]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["en-GB", "ar"])
def test_axe_finds_nothing_serious(visit: Come, scheme: str, locale: str) -> None:
    here = visit(PHONE, color_scheme=scheme, locale=locale).open()
    assert serious(here.page) == []
    here.choose()
    here.state("done")
    here.shot(f"phone-{scheme}-{locale}")
    assert serious(here.page) == []
    here.tap("#open-camera")
    assert serious(here.page) == []


def test_the_interface_can_be_read_on_a_phone(visit: Come) -> None:
    here = visit(PHONE)
    here.page.goto(f"{here.site.url}/docs")
    assert here.page.evaluate(
        "[...document.querySelectorAll('article')].every((it) => it.scrollWidth <= it.clientWidth)"
    )
    assert serious(here.page) == []


def test_colours_of_ones_own_still_show_what_is_chosen(visit: Come) -> None:
    here = visit(DESKTOP, forced_colors="active").open()
    here.choose()
    style = "getComputedStyle(document.querySelector('{}')).outlineStyle"
    for tiles in ("#portraits", "#templates"):
        assert here.page.evaluate(style.format(f"{tiles} [aria-pressed=true]")) == "solid"
        assert here.page.evaluate(style.format(f"{tiles} [aria-pressed=false]")) == "none"


def test_the_keyboard_is_soon_at_the_motions(visit: Come) -> None:
    here = visit(DESKTOP).open()
    focused = "document.activeElement.{}"
    here.page.keyboard.press("Tab")
    assert here.page.evaluate(focused.format("id")) == "skip"
    here.page.keyboard.press("Enter")
    for _ in range(4):  # camera, photo, faces, motions
        here.page.keyboard.press("Tab")
    first = here.page.locator("#templates .tile").first.get_attribute("data-id")
    assert here.page.evaluate(focused.format("dataset.id")) == first
    here.page.keyboard.press("ArrowRight")
    here.page.keyboard.press("End")
    assert here.page.evaluate(focused.format("id")) == "own-motion"
    here.page.keyboard.press("Tab")
    assert here.page.evaluate(focused.format("name")) == "strength"  # the settings come last


@pytest.mark.parametrize("device", DEVICES.values(), ids=DEVICES)
def test_no_motion_is_alone_in_its_row(visit: Come, device: dict[str, Any]) -> None:
    here = visit(device).open()
    own, others = (box(here, it) for it in ("#own-motion", "#templates"))
    assert abs(own["right"] - others["right"]) <= 1  # the last tile fills what is left
    assert own["width"] > 1.5 * box(here, "#templates .tile")["width"]


def test_the_keyboard_is_enough(visit: Come) -> None:
    here = visit(DESKTOP).open()
    for tile in (f"#portraits [data-id={FACE}]", f"#templates [data-id={MOTION}]"):
        here.page.locator(tile).focus()
        here.page.keyboard.press("Enter")
    here.state("done")
    here.page.keyboard.press("Tab")
    focused = here.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert focused != "none"


@pytest.mark.parametrize(("locale", "direction"), [("nl-NL", "ltr"), ("ar", "rtl")])
def test_the_page_speaks_the_visitors_language(visit: Come, locale: str, direction: str) -> None:
    here = visit(PHONE, locale=locale).open()
    assert here.page.evaluate("[document.documentElement.lang, document.documentElement.dir]") == [
        locale[:2],
        direction,
    ]
    assert here.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    here.tap("nav [lang=en]")
    here.page.wait_for_selector("html[lang=en][data-ready]")
    here.page.reload()
    here.page.wait_for_selector("html[lang=en][data-ready]")  # the choice is remembered


def test_who_asks_for_calm_gets_no_moving_previews(visit: Come) -> None:
    here = visit(DESKTOP, reduced_motion="reduce").open()
    here.choose()
    here.state("done")
    assert here.page.evaluate("document.getElementById('video').paused")
    here.tap("#pause")  # it shows that it stands still, and plays when it is asked to
    here.playing()


@pytest.mark.parametrize("device", [PHONE, DESKTOP])
def test_an_animated_picture_stands_still_until_it_is_asked_to_play(
    visit: Come, device: dict[str, Any]
) -> None:
    here = visit(device, reduced_motion="reduce").open()
    for format in ("gif", "webp"):
        here.page.locator(f"#options [value={format}]").check(force=True)
        here.choose()
        here.state("done")
        here.until("document.getElementById('still').width > 300")  # pixels; 300 until something is drawn
        assert here.page.locator("#still").is_visible() and here.page.locator("#animation").is_hidden()
        here.shot(f"{device['viewport']['width']}-still-{format}")
        before = here.page.locator("#screen").screenshot()
        here.page.wait_for_timeout(400)
        assert here.page.locator("#screen").screenshot() == before
        here.tap("#pause")
        assert here.page.locator("#animation").is_visible() and here.page.locator("#still").is_hidden()
        here.tap("#pause")
        assert here.page.locator("#still").is_visible()


def test_an_animated_picture_can_be_paused(visit: Come) -> None:
    here = visit(DESKTOP).open()
    here.page.locator("#options [value=gif]").check(force=True)
    here.choose()
    here.state("done")
    assert here.page.locator("#animation").is_visible()
    here.tap("#pause")
    assert here.page.locator("#still").is_visible() and here.page.locator("#animation").is_hidden()


def test_on_a_phone_everything_happens_in_sight(visit: Come) -> None:
    here = visit(PHONE).open()
    here.tap(f"#portraits [data-id={FACE}]")
    here.until("document.querySelector('#templates .tile').getBoundingClientRect().bottom <= innerHeight")
    here.tap("#templates .tile:nth-last-child(2)")
    here.state("done")
    for part in ("#screen", "#save"):  # the last motion lies far below them
        top, bottom = here.page.evaluate(
            "part => (box => [box.top, box.bottom])(document.querySelector(part).getBoundingClientRect())",
            part,
        )
        assert 0 <= top < bottom <= 740, part
    here.page.locator("#strength").scroll_into_view_if_needed()
    shown = "#options :is(input, span):visible"  # sound is for clips of one's own, likeness for swaps
    for each in here.page.locator(shown).all():
        box = each.bounding_box()
        assert box and 0 <= box["x"] and box["x"] + box["width"] <= 360


def test_script_and_style_stay_small(visit: Come) -> None:
    here = visit().open()
    loaded = here.page.evaluate(
        "performance.getEntriesByType('resource').filter((it) => /\\.(js|css|json)$/.test(it.name))"
        ".reduce((sum, it) => sum + it.encodedBodySize, 0)"
    )
    assert 10_000 < loaded < 45_000  # bytes over the line


@pytest.mark.parametrize("device", [PHONE, {"viewport": {"width": 1280, "height": 800}}])
@pytest.mark.usefixtures("shared")  # it brings the Mona Lisa
def test_the_list_of_faces_is_small_and_the_chosen_one_whole(visit: Come, device: dict[str, Any]) -> None:
    here = visit(device).open()
    here.tap("#portraits [data-id=mona-lisa]")
    here.until("document.getElementById('original').naturalWidth > 256")
    tiles = "[...document.querySelectorAll('#portraits [data-id] img')]"
    here.until(f"{tiles}.some((it) => it.naturalWidth)")
    assert here.page.evaluate(f"{tiles}.every((it) => [0, 256].includes(it.naturalWidth))")
    here.shot(f"{device['viewport']['width']}-faces")
    fetched = here.page.evaluate("performance.getEntriesByType('resource').map((it) => it.name)")
    assert [name for name in fetched if name.endswith("/image")] == [
        f"{here.site.url}/v1/portraits/mona-lisa/image"
    ]


def test_it_can_be_installed(visit: Come) -> None:
    here = visit().open()
    address = here.page.evaluate("document.querySelector('[rel=manifest]').href")
    manifest = here.page.request.get(address).json()
    icons = {icon["sizes"]: urljoin(address, icon["src"]) for icon in manifest["icons"]}
    assert {"192x192", "512x512"} <= icons.keys()
    for source in icons.values():
        assert here.page.request.get(source).ok
