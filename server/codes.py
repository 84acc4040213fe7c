"""Stable codes of all errors, with their HTTP status and public message."""

from __future__ import annotations

import os
from http import HTTPStatus

from reenact.errors import Cancelled, DiskFull, InputError, ReenactError
from server.disk import is_full
from server.errors import NotReady, TryLater

# code -> (status, what it means). The documentation page shows this table.
CODES: dict[str, tuple[int, str]] = {
    "invalid_option": (422, "A field is missing, unknown or out of range. `errors` names each."),
    "invalid_input": (422, "The input cannot be used."),
    "consent_required": (422, "The sender must confirm that this face may be used, and the clip of a swap."),
    "unsupported_media": (415, "The file or the request is not of an accepted format."),
    "upload_too_large": (413, "The request has too many bytes."),
    "image_too_large": (413, "The picture has too many bytes or pixels."),
    "image_unreadable": (422, "The picture is damaged, cut off or empty."),
    "driving_unreadable": (422, "The clip is damaged, empty or without a picture."),
    "driving_too_long": (422, "The clip is too long or too large."),
    "driving_still": (422, "The clip is a single picture, so there is no motion."),
    "no_face_found": (422, "No face was found in the picture, or in too few frames of the clip."),
    "face_too_small": (422, "The face has too few pixels."),
    "face_turned_away": (422, "The face in the clip is seen from the side all the time."),
    "face_index_out_of_range": (422, "The picture has fewer faces than that."),
    "template_not_found": (404, "No template has this id."),
    "not_found": (404, "There is nothing at this address, or it was deleted."),
    "gone": (410, "The result has expired or was deleted."),
    "request_timeout": (
        408,
        "The body of the request took too long to arrive. Send it again over a faster connection.",
    ),
    "bad_request": (400, "The request cannot be understood. Compare it with the description at `/docs`."),
    "method_not_allowed": (405, "This address does not support the method. `Allow` lists those it supports."),
    "precondition_failed": (412, "The file does not match If-Match. Send the request without If-Match."),
    "range_not_satisfiable": (416, "The file is shorter than the range asked for."),
    "unauthorized": (401, "This server requires an access key: `Authorization: Bearer rk_...`."),
    "forbidden": (403, "This needs an operator key, or it is not allowed at all."),
    "host_unknown": (403, "The `Host` header does not name this server."),
    "cross_site": (403, "A page of another site sent this, and its origin is not allowed."),
    "rate_limited": (429, "Too many orders within a minute. `Retry-After` says when to try again."),
    "quota_exceeded": (429, "The key has too many unfinished jobs. `Retry-After` says when to try again."),
    "queue_full": (429, "Too many jobs are waiting. `Retry-After` says when to try again."),
    "idempotency_conflict": (422, "The Idempotency-Key was used before for another order."),
    "face_blocked": (403, "Someone in the picture, or in the clip of a swap, asked not to be used here."),
    "rejected": (403, "The operator's check refused this. `detail` says why."),
    "moderator_unavailable": (503, "The operator's check does not answer, so nothing is rendered."),
    "storage_unavailable": (
        503,
        "The server's file storage does not answer. `Retry-After` says when to try again.",
    ),
    "database_unavailable": (
        503,
        "The server's database does not answer. `Retry-After` says when to try again.",
    ),
    "gave_up": (500, "Every attempt at this job crashed or hung."),
    "order_too_new": (
        503,
        "The job was created by a newer version of the service than this one.",
    ),
    "cancelled": (409, "The job was cancelled."),
    "not_ready": (503, "The model is still being loaded, or the database or the broker does not work."),
    "setup": (503, "The server cannot do this work as it is installed."),
    "weights_broken": (503, "The server's model is damaged."),
    "motion_outdated": (503, "The template was made for another model. The operator must rebuild it."),
    "provider_unavailable": (503, "The server's GPU or other accelerator cannot be used."),
    "extra_missing": (503, "An optional package is not installed on the server."),
    "certificate_unusable": (503, "The server's certificate cannot sign results."),
    "output_unwritable": (500, "The result could not be written."),
    "disk_full": (
        507,
        "The server's disk is full. Try again later, or tell its operator.",
    ),
    "internal": (500, "Unexpected error. The server's log has it under `request_id`."),
}
INTERNAL = (
    "Something went wrong on the server. Try again. If that does not help, tell the operator the request id."
)


def public_detail(error: Exception) -> tuple[str, str]:
    """Code and public message of an error."""
    if is_full(error):
        return DiskFull.code, CODES[DiskFull.code][1]
    if not isinstance(error, ReenactError):
        return "internal", INTERNAL
    code = error.code if error.code in CODES else "internal"
    if isinstance(error, InputError | TryLater | NotReady | Cancelled) and _names_no_path(str(error)):
        return code, str(error)
    return code, INTERNAL if CODES[code][0] == HTTPStatus.INTERNAL_SERVER_ERROR else CODES[code][1]


def _names_no_path(sentence: str) -> bool:
    """Whether no folder of this machine stands in the sentence."""
    return not any(word.strip("'\"(").startswith(os.sep) and len(word) > 1 for word in sentence.split())
