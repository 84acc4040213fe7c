"""The page's messages, one flat JSON file for each language."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from flask import request

MESSAGES = Path(__file__).parents[1] / "web" / "static" / "messages"
LANGUAGES = {"en": "English", "nl": "Nederlands", "ar": "العربية"}  # the first is the default
RIGHT_TO_LEFT = {"ar"}
COOKIE = "language"


def language() -> str:
    """The language of this request: asked for by ``?lang=``, chosen before, or what the browser prefers."""
    for asked in (request.args.get("lang"), request.cookies.get(COOKIE)):
        if asked in LANGUAGES:
            return asked
    return request.accept_languages.best_match(list(LANGUAGES)) or next(iter(LANGUAGES))


def direction(name: str) -> str:
    """``ltr`` or ``rtl``, for the page's ``dir``."""
    return "rtl" if name in RIGHT_TO_LEFT else "ltr"


@cache
def messages(name: str) -> dict[str, str]:
    """All messages of a language by their key; places for values are written ``{name}``."""
    found: dict[str, str] = json.loads((MESSAGES / f"{name}.json").read_text(encoding="utf-8"))
    return found
