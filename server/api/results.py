"""The files that were made."""

from __future__ import annotations

import io
import time
from itertools import chain, islice
from typing import Any, BinaryIO

from apiflask import APIBlueprint
from flask import Response, request
from werkzeug.exceptions import RequestedRangeNotSatisfiable
from werkzeug.wsgi import ClosingIterator, wrap_file

from server.api.requests import Answers
from server.container import services
from server.errors import Gone
from server.storage import ResultFile

bp = APIBlueprint("results", __name__, url_prefix="/v1/results")
_TYPES = {".mp4": "video/mp4", ".gif": "image/gif", ".webp": "image/webp"}
FILE: Answers = {
    200: {"description": "The file.", "content": {kind: {} for kind in _TYPES.values()}},
    206: {"description": "The part that `Range` asks for."},
    304: {"description": "`If-None-Match` names this file."},
    404: {"description": "not_found"},
    410: {"description": "gone"},
    412: {"description": "precondition_failed"},
    503: {"description": "storage_unavailable"},
    416: {"description": "range_not_satisfiable"},
}


def _usable_conditions() -> dict[str, Any]:
    """The request's, without several ranges, those of another unit, and odd ones: they get the whole file."""
    ranges = request.range
    useful = ranges and ranges.units == "bytes" and len(ranges.ranges) == 1
    return {name: value for name, value in request.environ.items() if useful or name != "HTTP_RANGE"}


@bp.get("/<signed>")
@bp.doc(responses=FILE)
def get(signed: str) -> Response:
    """A result.

    The address comes with the job, signed, and is the only key to the file; it is void when the result
    expires. The content never changes, so a broken download goes on with `Range` and `If-Range`.
    """
    token = services().addresses.read(signed)
    found = services().storage.find(token)
    try:
        content = found.open()
        return _respond(token, found, content)
    except FileNotFoundError:
        raise Gone("This result has just been deleted.") from None


def _respond(token: str, found: ResultFile, content: BinaryIO) -> Response:
    """The file, or what the request's conditions want of it; raises FileNotFoundError."""
    name, _, kind = token.rpartition(".")
    response = Response(
        wrap_file(request.environ, content), mimetype=_TYPES["." + kind], direct_passthrough=True
    )
    response.content_length = found.bytes
    response.headers["Content-Disposition"] = f"inline; filename=reenact.{kind}"
    response.set_etag(name)
    response.cache_control.private = True
    response.cache_control.max_age = max(0, int(found.expires - time.time()))
    try:
        response.make_conditional(_usable_conditions(), accept_ranges=True, complete_length=found.bytes)
        if request.method == "GET" and not isinstance(content, io.BufferedReader):
            _fetch_first_chunk(response)
    except (RequestedRangeNotSatisfiable, FileNotFoundError):
        content.close()
        raise
    return response


def _fetch_first_chunk(response: Response) -> None:
    """Fetch the first piece before the answer begins: in a bucket, what was opened may be gone by now."""
    body: Any = response.response
    pieces = iter(body)
    response.response = ClosingIterator(chain(list(islice(pieces, 1)), pieces), body.close)
