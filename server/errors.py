"""What the service refuses or cannot do, beyond the engine's own errors, and what a stranger is told of each.

ReenactError
├── InputError
│   ├── ConsentRequired         consent_required
│   ├── UploadTooLarge          upload_too_large
│   ├── BodyBroken              bad_request
│   ├── NotFound                not_found
│   ├── Gone                    gone
│   ├── IdempotencyConflict     idempotency_conflict
│   ├── Unauthorized            unauthorized
│   ├── Forbidden               forbidden
│   └── Refused                 ends a job as ``rejected``
│       ├── FaceBlocked         face_blocked
│       └── Rejected            rejected
├── NotReady                    not_ready
├── ModeratorUnavailable        moderator_unavailable
├── EngineDied                  gave_up
└── TryLater                    with ``retry_after``
    ├── QueueFull               queue_full
    ├── QuotaExceeded           quota_exceeded
    └── RateLimited             rate_limited
"""

from __future__ import annotations

import os
from http import HTTPStatus

from reenact.errors import Cancelled, DiskFull, InputError, ReenactError
from server.disk import is_full


class ConsentRequired(InputError):
    """The sender did not say that this face may be used."""

    code = "consent_required"


class UploadTooLarge(InputError):
    """The whole request has more bytes than the limit."""

    code = "upload_too_large"


class BodyBroken(InputError):
    """Less of the request arrived than it announced."""

    code = "bad_request"


class NotFound(InputError):
    """There is nothing under this address, or not any more."""

    code = "not_found"


class Gone(InputError):
    """It was here, and its time is over."""

    code = "gone"


class IdempotencyConflict(InputError):
    """An Idempotency-Key was used before for another order."""

    code = "idempotency_conflict"


class NotReady(ReenactError):
    """The model is still being loaded."""

    code = "not_ready"


class Unauthorized(InputError):
    """No valid access key came with the request."""

    code = "unauthorized"


class Forbidden(InputError):
    """The access key is valid, but not for this."""

    code = "forbidden"


class Refused(InputError):
    """Nothing is wrong with the order, but it may not be done; its job becomes ``rejected``."""


class FaceBlocked(Refused):
    """The picture shows someone who asked not to be used."""

    code = "face_blocked"


class Rejected(Refused):
    """The operator's check says no; the message is its reason."""

    code = "rejected"


class ModeratorUnavailable(ReenactError):
    """The operator's check cannot be asked, so nothing is rendered."""

    code = "moderator_unavailable"


class EngineDied(ReenactError):
    """The process with the engine ended in the middle of a job."""

    code = "gave_up"


class TryLater(ReenactError):
    """Too much at once; ``retry_after`` says in how many seconds it will probably do."""

    reason = ""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"{self.reason} Try again in about {retry_after} seconds.")
        self.retry_after = retry_after


class QueueFull(TryLater):
    """As many jobs wait as may wait."""

    code = "queue_full"
    reason = "Too many jobs are waiting."


class QuotaExceeded(TryLater):
    """One key has as many unfinished jobs as it may have."""

    code = "quota_exceeded"
    reason = "Your other jobs must end first."


class RateLimited(TryLater):
    """One key or address has sent as many orders within a minute as it may."""

    code = "rate_limited"
    reason = "That were many orders in a short time."


# code -> (status, what it means). The documentation page shows this table.
CODES: dict[str, tuple[int, str]] = {
    "invalid_option": (422, "A field is missing, unknown or out of range; `errors` names each."),
    "invalid_input": (422, "The input cannot be used."),
    "consent_required": (422, "The sender must confirm that this face may be used."),
    "unsupported_media": (415, "The file or the request is not of an accepted format."),
    "upload_too_large": (413, "The request has too many bytes."),
    "image_too_large": (413, "The picture has too many bytes or pixels."),
    "image_unreadable": (422, "The picture is damaged, cut off or empty."),
    "driving_unreadable": (422, "The clip is damaged, empty or without a picture."),
    "driving_too_long": (422, "The clip is too long or too large."),
    "driving_still": (422, "The clip is a single picture, so nothing would move."),
    "no_face_found": (422, "No face was found in the picture, or in too few frames of the clip."),
    "face_too_small": (422, "The face has too few pixels."),
    "face_index_out_of_range": (422, "The picture has fewer faces than that."),
    "template_not_found": (404, "No template has this id."),
    "not_found": (404, "There is nothing here, or not any more."),
    "gone": (410, "The result was here, and its time is over."),
    "request_timeout": (408, "The request's body took too long to arrive. Send it again on a better line."),
    "bad_request": (400, "The request cannot be understood. Compare it with the description at `/docs`."),
    "method_not_allowed": (405, "This address does not take this method; `Allow` lists those it takes."),
    "precondition_failed": (412, "The file is not the one that If-Match names. Ask for it without If-Match."),
    "range_not_satisfiable": (416, "The file is shorter than the range asked for."),
    "unauthorized": (401, "This server wants an access key: `Authorization: Bearer rk_...`."),
    "forbidden": (403, "The key may not do this: it takes an operator key, or nobody may."),
    "rate_limited": (429, "Too many orders within a minute; `Retry-After` says when to try again."),
    "quota_exceeded": (429, "The key has too many unfinished jobs; `Retry-After` says when to try again."),
    "queue_full": (429, "Too many jobs wait; `Retry-After` says when to try again."),
    "idempotency_conflict": (422, "The Idempotency-Key was used before for another order."),
    "face_blocked": (403, "Someone in the picture asked not to be animated here."),
    "rejected": (403, "The operator's check refused this; `detail` says why."),
    "moderator_unavailable": (503, "The operator's check does not answer, so nothing is rendered."),
    "gave_up": (500, "The server broke off at each attempt at this job."),
    "order_too_new": (503, "The job was ordered from a newer version of the service than runs now."),
    "cancelled": (409, "The job was cancelled."),
    "not_ready": (503, "The model is still being loaded, or the database or the broker does not work."),
    "setup": (503, "The server cannot do this work as it is installed."),
    "weights_broken": (503, "The server's model is damaged."),
    "motion_outdated": (503, "The template was made for another model; the operator must rebuild it."),
    "provider_unavailable": (503, "The server's accelerator does not run."),
    "extra_missing": (503, "The server lacks an optional part."),
    "certificate_unusable": (503, "The server's certificate cannot sign results."),
    "output_unwritable": (500, "The result could not be written."),
    "disk_full": (
        507,
        "The server's disk is full, so this was not done. Try again later, or tell its operator.",
    ),
    "internal": (500, "Something failed that should not; the log has it under `request_id`."),
}
INTERNAL = "Something went wrong on the server. Try again; if it stays, tell the operator the request id."


def public_detail(error: Exception) -> tuple[str, str]:
    """Code and sentence of an error as a stranger may read them."""
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
