"""The pages at ``/``, ``/verify`` and ``/docs``: plain files, no build step, nothing from elsewhere.

pages/            what Flask fills in, with the galleries and the reader's language already in it (layout.html
                  is what all but /docs share)
static/           small native modules (app.js puts them together), style sheets (style.css is what all pages
                  share), icons, the manifest
static/messages/  every word of the page, one file a language
"""

from __future__ import annotations

import re
from typing import cast

from apiflask import APIBlueprint, APIFlask
from flask import Response, current_app, make_response, render_template, request
from markupsafe import Markup, escape

from reenact.gallery import list_portraits, list_templates
from server.codes import CODES
from server.container import services
from server.http import text

bp = APIBlueprint("web", __name__, enable_openapi=False)
YEAR = 365 * 24 * 3600
HERO = "eileen-collins"  # whom the previews of the motions show
FIRST = "mona-lisa"  # of the faces, where it was fetched: nobody needs to be told whose it is


@bp.get("/")
def index() -> Response:
    """The demo, in the reader's language."""
    settings = services().settings
    portraits = list_portraits(settings.portraits, settings.more_portraits)
    return _in_language(
        "index.html",
        portraits=sorted(portraits, key=lambda it: it.id != FIRST),
        templates=list_templates(settings.templates, more=settings.more_templates),
        hero=HERO,
        most_seconds=settings.driving_seconds,
        most_bytes=settings.upload_bytes,
        hours=settings.result_hours,
        label_is_asked=settings.label == "request",
    )


@bp.get("/verify")
def verify() -> Response:
    """Where a file comes from, in the reader's language."""
    return _in_language("verify.html")


@bp.get("/docs")
def docs() -> str:
    """The OpenAPI document as a page to read. APIFlask's own pages load their scripts from the internet."""
    return render_template("docs.html", spec=cast(APIFlask, current_app).spec, codes=CODES)


@bp.app_template_filter("prose")
def prose(description: str) -> Markup:
    """A description of the OpenAPI document as HTML: names between backticks as code, broken lines joined."""
    joined = re.sub(r"(?<!\n)\n(?!\n)", " ", description)
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(joined))))


def _in_language(template: str, **values: object) -> Response:
    """A page with its words, which remembers the language that was asked for."""
    name = text.language()
    page = render_template(
        template,
        t=text.messages(name).__getitem__,
        messages=text.messages(name),
        language=name,
        direction=text.direction(name),
        languages=text.LANGUAGES,
        **values,
    )
    answer = make_response(page)
    answer.headers["Content-Language"] = name
    answer.headers["Cache-Control"] = "no-cache"
    answer.vary.update(["Accept-Language", "Cookie"])
    if request.args.get("lang") == name:
        path = request.root_path or "/"
        answer.set_cookie(text.COOKIE, name, max_age=YEAR, path=path, samesite="Lax", httponly=True)
    return answer


def init_app(app: APIFlask) -> None:
    """Register the pages."""
    app.register_blueprint(bp)
