"""The files that were made."""

from __future__ import annotations

import time

from apiflask import APIBlueprint
from flask import Response, send_file

from server.api.schemas import Answers
from server.services import services

bp = APIBlueprint("results", __name__, url_prefix="/v1/results")
_TYPES = {".mp4": "video/mp4", ".gif": "image/gif", ".webp": "image/webp"}
FILE: Answers = {
    200: {"description": "The file.", "content": {kind: {} for kind in _TYPES.values()}},
    206: {"description": "The part that `Range` asks for."},
    304: {"description": "`If-None-Match` names this file."},
    404: {"description": "not_found"},
    410: {"description": "gone"},
    416: {"description": "range_not_satisfiable"},
}


@bp.get("/<token>")
@bp.doc(responses=FILE)
def get(token: str) -> Response:
    """A result.

    The address is unguessable and is the only key to the file. Its content never changes, so a broken
    download goes on with `Range` and `If-Range`.
    """
    found = services().storage.find(token)
    response = send_file(
        found.path,
        mimetype=_TYPES[found.path.suffix],
        download_name=f"reenact{found.path.suffix}",
        etag=found.path.stem,
        max_age=max(0, int(found.expires - time.time())),
    )
    response.cache_control.public = False
    response.cache_control.private = True
    return response
