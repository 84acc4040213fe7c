"""A photo as the service reads it, for browsers that cannot draw it themselves: HEIC, mostly."""

from __future__ import annotations

import io
from threading import Lock
from typing import Any

from apiflask import APIBlueprint
from flask import Response
from PIL import Image

from reenact.media import PictureLimits, read_picture
from server.api.auth import authenticate, count_order
from server.api.requests import Answers, PhotoIn
from server.api.submission import require_form
from server.container import services

bp = APIBlueprint("previews", __name__, url_prefix="/v1/previews")
SIDE = 1024  # pixels of the longer side: it is looked at, not animated
PREVIEW: Answers = {
    200: {"description": "An upright JPEG of at most 1024 pixels.", "content": {"image/jpeg": {}}},
    401: {"description": "unauthorized"},
    413: {"description": "upload_too_large, image_too_large"},
    415: {"description": "unsupported_media"},
    422: {"description": "invalid_option, image_unreadable"},
    429: {"description": "rate_limited"},
}
_ONE_AT_A_TIME = Lock()  # a photo may take 150 MB while it is read
bp.before_request(authenticate)
bp.before_request(require_form)


@bp.post("")
@bp.input(PhotoIn, location="form_and_files", arg_name="form")
@bp.doc(responses=PREVIEW)
def create(form: dict[str, Any]) -> Response:
    """See a photo of a kind that few programs draw, HEIC for instance.

    Nothing of it is kept. `Original-Width` is its width in pixels, as the boxes of a job's `faces` count
    them. It counts as an order where orders are counted.
    """
    count_order()
    limits = PictureLimits(max_pixels=services().settings.selfie_pixels)
    with _ONE_AT_A_TIME:
        image = Image.fromarray(read_picture(form["selfie"].read(limits.max_bytes + 1), limits))
        width = image.width
        image.thumbnail((SIDE, SIDE))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=85)
    headers = {"Cache-Control": "no-store", "Original-Width": str(width)}
    return Response(out.getvalue(), mimetype="image/jpeg", headers=headers)
