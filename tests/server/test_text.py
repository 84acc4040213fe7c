"""Every word of the page stands in every language's file, and no word stands there for nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import server.web
from reenact.gallery import list_portraits, list_templates
from reenact.gallery.fetch import famous_portraits
from server.codes import CODES
from server.http import text
from server.settings import Settings

WEB = Path(server.web.__file__).parent
SOURCES = "\n".join(
    file.read_text(encoding="utf-8")
    for pattern in ("static/*.js", "pages/*.html")
    for file in WEB.glob(pattern)
)
# Made of a part that is written and one that is found: t(`error.${code}`), t('option.' ~ name).
MADE = ("camera.", "error.", "help.", "step.", "option.", "motion.", "portrait.", "tag.", "verify.", "clip.")


@pytest.mark.parametrize("name", text.LANGUAGES)
def test_languages_have_the_same_messages(name: str) -> None:
    english, other = text.messages("en"), text.messages(name)
    assert english.keys() == other.keys()
    for key, message in other.items():
        assert message.strip(), key
        assert set(re.findall(r"\{\w+\}", message)) == set(re.findall(r"\{\w+\}", english[key])), key


def test_what_the_page_says_is_in_the_file() -> None:
    asked = set(re.findall(r"""\bt\(["']([a-z_.]+)["'][,)]""", SOURCES))
    assert asked <= text.messages("en").keys()


def test_no_message_is_left_over() -> None:
    known = {key for key in text.messages("en") if not key.startswith(MADE)}
    assert [key for key in sorted(known) if f'"{key}"' not in SOURCES and f"'{key}'" not in SOURCES] == []


@pytest.mark.parametrize("code", CODES)
def test_every_error_has_a_sentence_and_a_next_step(code: str) -> None:
    assert {f"error.{code}", f"error.{code}.next"} <= text.messages("en").keys()


def test_every_template_and_tag_is_named() -> None:
    for it in list_templates(Settings().templates):
        assert f"motion.{it.id}" in text.messages("en")
        assert {f"tag.{tag}" for tag in it.tags} <= text.messages("en").keys()


def test_every_portrait_that_ships_or_may_be_fetched_is_named() -> None:
    for it in [*list_portraits(), *famous_portraits()]:
        assert f"portrait.{it.id}" in text.messages("en")


@pytest.mark.parametrize("name", ["index.html", "verify.html", "layout.html"])
def test_pages_hold_no_words_of_their_own(name: str) -> None:
    page = (WEB / "pages" / name).read_text(encoding="utf-8")
    bare = re.sub(r"\{[%{#].*?[%}#]\}|<[^>]*>", " ", page, flags=re.S)
    assert not re.findall(r"[A-Za-z]{3,}", bare)
