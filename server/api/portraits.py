"""The famous faces that the demo can animate."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response, url_for

from reenact.errors import InvalidOption
from reenact.gallery import Portrait, get_portrait, list_portraits
from server.api import examples
from server.api.schemas import Answers, PortraitsOut
from server.api.templates import picture
from server.errors import NotFound
from server.services import services

bp = APIBlueprint("portraits", __name__, url_prefix="/v1/portraits")
IMAGE: Answers = {
    200: {"description": "The picture.", "content": {"image/*": {}}},
    404: {"description": "not_found"},
}


@bp.get("")
@bp.output(PortraitsOut, example=examples.PORTRAITS)
def list_all() -> dict[str, Any]:
    """All famous faces, with licence and attribution."""
    use = services().settings
    return {"portraits": [_shown(portrait) for portrait in list_portraits(use.portraits, use.more_portraits)]}


@bp.get("/<id>/image")
@bp.doc(responses=IMAGE)
def image(id: str) -> Response:
    """The picture itself."""
    use = services().settings
    try:
        return picture(get_portrait(id, use.portraits, use.more_portraits).path)
    except InvalidOption as e:
        raise NotFound(str(e)) from e


def _shown(portrait: Portrait) -> dict[str, Any]:
    return {
        "id": portrait.id,
        "title": portrait.title,
        "image_url": url_for("portraits.image", id=portrait.id),
        "licence": portrait.licence,
        "attribution": portrait.attribution,
        "source": portrait.source,
    }
