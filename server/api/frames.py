"""The latest frame of a running job, as a preview."""

from __future__ import annotations

import io

from apiflask import APIBlueprint
from flask import Response
from PIL import Image

from reenact.types import Picture
from server.api.auth import authenticate, owner
from server.api.requests import Answers
from server.container import services

bp = APIBlueprint("frames", __name__, url_prefix="/v1/animations")
SIDE = 512  # pixels of the longer side at most: a preview
FRAME: Answers = {
    200: {"description": "A JPEG of at most 512 pixels.", "content": {"image/jpeg": {}}},
    204: {"description": "There is no frame now."},
    401: {"description": "unauthorized"},
    404: {"description": "not_found"},
}
bp.before_request(authenticate)


@bp.get("/<id>/frame")
@bp.doc(responses=FRAME)
def get(id: str) -> Response:
    """The latest frame of a job that runs.

    A service tells only of jobs that it does itself; where workers do them there is never a frame.
    """
    frame = services().jobs.latest_frame(id, owner())
    if frame is None:
        return Response(status=204, headers={"Cache-Control": "no-store"})
    return Response(_jpeg(frame), mimetype="image/jpeg", headers={"Cache-Control": "no-store"})


def _jpeg(frame: Picture) -> bytes:
    image, out = Image.fromarray(frame), io.BytesIO()
    image.thumbnail((SIDE, SIDE))
    image.save(out, "JPEG", quality=75)
    return out.getvalue()
