"""The page at ``/`` and the reference at ``/docs``: plain files, no build step, nothing from elsewhere."""

from __future__ import annotations

from typing import cast

from apiflask import APIBlueprint, APIFlask
from flask import current_app, render_template

from server.errors import CODES

bp = APIBlueprint("web", __name__, enable_openapi=False)


@bp.get("/")
def index() -> str:
    """The demo."""
    return render_template("index.html")


@bp.get("/docs")
def docs() -> str:
    """The OpenAPI document as a page to read. APIFlask's own pages load their scripts from the internet."""
    return render_template("docs.html", spec=cast(APIFlask, current_app).spec, codes=CODES)


def init_app(app: APIFlask) -> None:
    """Register the pages."""
    app.register_blueprint(bp)
