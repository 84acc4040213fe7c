"""The famous faces that the demo can animate."""

from __future__ import annotations

import io
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

from apiflask import APIBlueprint
from flask import Response, request, url_for
from PIL import Image, ImageOps

from reenact.errors import InputError, InvalidOption
from reenact.gallery import Portrait, get_portrait, list_portraits
from reenact.media import read_picture
from reenact.os_errors import reason
from server.api import examples
from server.api.requests import Answers
from server.api.responses import PortraitsOut
from server.api.strict import require_no_query
from server.api.templates import HOUR, picture
from server.container import services
from server.errors import NotFound

bp = APIBlueprint("portraits", __name__, url_prefix="/v1/portraits")
IMAGE: Answers = {
    200: {"description": "The picture.", "content": {"image/*": {}}},
    404: {"description": "not_found"},
}
SIDE = 256  # pixels of a thumbnail
CROP_CENTER = 0.5, 0.2  # where the square lies in a larger picture: heads are at the top
THUMBNAIL: Answers = {
    200: {"description": "A JPEG of 256 x 256 pixels.", "content": {"image/jpeg": {}}},
    404: {"description": "not_found"},
}
_ONE_AT_A_TIME = Lock()  # an operator's own photo may take 150 MB while it is read


@bp.get("")
@bp.output(PortraitsOut, example=examples.PORTRAITS)
@bp.doc(responses={422: "invalid_option"})
def list_all() -> dict[str, Any]:
    """All famous faces, with licence and attribution."""
    require_no_query()
    use = services().settings
    return {
        "portraits": [
            _portrait_fields(portrait) for portrait in list_portraits(use.portraits, use.more_portraits)
        ]
    }


@bp.get("/<id>/image")
@bp.doc(responses=IMAGE)
def image(id: str) -> Response:
    """The picture itself."""
    return picture(_path(id))


@bp.get("/<id>/thumbnail")
@bp.doc(responses=THUMBNAIL)
def thumbnail(id: str) -> Response:
    """A small square of the picture, for a list."""
    path = _path(id)
    try:
        response = Response(_square(path, path.stat().st_mtime_ns), mimetype="image/jpeg")
    except (InputError, OSError) as e:
        raise NotFound(f"The portrait {id} cannot be shown: {reason(e)}.") from e
    response.cache_control.max_age = HOUR
    response.add_etag()
    response.make_conditional(request)
    return response


def _path(id: str) -> Path:
    use = services().settings
    try:
        return get_portrait(id, use.portraits, use.more_portraits).path
    except InvalidOption as e:
        raise NotFound(str(e)) from e


@lru_cache(maxsize=512)
def _square(path: Path, modified_ns: int) -> bytes:
    """A picture as a square JPEG; a new ``modified_ns`` makes the cache read the file again."""
    with _ONE_AT_A_TIME:
        image = ImageOps.fit(Image.fromarray(read_picture(path)), (SIDE, SIDE), centering=CROP_CENTER)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=80)
    return out.getvalue()


def _portrait_fields(portrait: Portrait) -> dict[str, Any]:
    return {
        "id": portrait.id,
        "title": portrait.title,
        "image_url": url_for("portraits.image", id=portrait.id),
        "thumbnail_url": url_for("portraits.thumbnail", id=portrait.id),
        "licence": portrait.licence,
        "attribution": portrait.attribution,
        "source": portrait.source,
    }
