"""The page that tells where a file comes from: what it says, in which language, and to whom."""

from __future__ import annotations

import base64
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reenact.media import write_clip
from reenact.provenance.certificate import development_certificate
from reenact.provenance.credentials import sign_clip
from reenact.provenance.origin import Origin, SourceFile
from reenact.types import Clip
from reenact.watermark.embed import Marker, Watermark

from .test_made_well import serious
from .visit import DESKTOP, PHONE, SECONDS, Visit

pytestmark = pytest.mark.browser
Come = Callable[..., Visit]
ID = 0x0123456789ABCDEF
DROP = """
([base64, name]) => {
  const files = new DataTransfer();
  files.items.add(new File([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))], name));
  document.dispatchEvent(new DragEvent("drop", { dataTransfer: files, bubbles: true, cancelable: true }));
}
"""


@pytest.fixture(scope="session")
def result(face: Image.Image, photo: Path, folder: Path) -> Path:
    """A clip as the service makes it: marked and signed."""
    marker = Marker(Watermark(ID))
    frames = [
        marker.mark(np.asarray(face.point(lambda level, at=at: min(255, level + at)))) for at in range(6)
    ]
    certificate = development_certificate(folder / "credentials")
    seal = partial(
        sign_clip, origin=Origin("ab" * 32, "nod", (SourceFile("portrait", photo),)), certificate=certificate
    )
    return write_clip(Clip(iter(frames), Fraction(25), 6), folder / "result.mp4", sign_file=seal).path


@pytest.fixture(scope="session")
def changed(result: Path, folder: Path) -> Path:
    content = bytearray(result.read_bytes())
    content[-9] ^= 1
    (folder / "changed.mp4").write_bytes(content)
    return folder / "changed.mp4"


def told(here: Visit, verdict: str) -> str:
    here.page.wait_for_selector(f"#answer[data-verdict={verdict}]", timeout=SECONDS)
    assert here.page.evaluate("document.activeElement.id") == "answer"
    return str(here.page.inner_text("#answer"))


@pytest.mark.parametrize(
    ("device", "locale", "scheme"),
    [
        (PHONE, "en-GB", "light"),
        (PHONE, "ar", "dark"),
        (DESKTOP, "nl-NL", "light"),
    ],
)
def test_a_result_is_told_in_plain_words(
    visit: Come, result: Path, device: dict[str, object], locale: str, scheme: str
) -> None:
    here = visit(device, locale=locale, color_scheme=scheme).open("/verify")
    name = f"verify-{'phone' if device is PHONE else 'desktop'}-{locale}-{scheme}"
    here.shot(f"{name}-empty")
    assert serious(here.page) == []
    here.upload(result, into="#file")
    said = told(here, "made")
    assert f"{ID:016x}" in said
    if locale == "en-GB":
        assert "Made with Reenact" in said and "development certificate" in said.lower()
        assert "Yes, at least partly" in said and "Nod" in said and "a picture of a face" in said
    here.shot(name)
    assert serious(here.page) == []
    assert here.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_changed_file_and_a_silent_one_are_told_apart(visit: Come, changed: Path, folder: Path) -> None:
    here = visit(PHONE).open("/verify")
    here.page.evaluate(DROP, [base64.b64encode(changed.read_bytes()).decode(), "changed.mp4"])
    assert "was changed since it was signed" in told(here, "made")
    here.shot("verify-phone-changed")
    Image.new("RGB", (48, 48), "teal").save(folder / "silent.png")  # small: it is searched at every scale
    here.upload(folder / "silent.png", into="#file")
    assert "does not show that it is real" in told(here, "cannot_tell")
    here.shot("verify-phone-cannot-tell")


def test_what_it_cannot_read_it_says(visit: Come, folder: Path) -> None:
    here = visit(PHONE, expected=("415",)).open("/verify")
    (folder / "text.txt").write_text("no picture at all")
    here.upload(folder / "text.txt", into="#file")
    here.page.wait_for_selector("#trouble-card[data-code=unsupported_media]:not([hidden])", timeout=SECONDS)
    here.shot("verify-phone-trouble")
    assert serious(here.page) == []


def test_the_main_page_leads_here_and_back(visit: Come) -> None:
    here = visit(PHONE).open()
    here.tap("footer a[href='/verify']")
    here.page.wait_for_selector("body.verify")
    here.tap("nav [lang=nl]")
    here.page.wait_for_selector("html[lang=nl] body.verify")
    here.tap("footer a[href='/']")
    here.page.wait_for_selector("html[lang=nl] #stage")
