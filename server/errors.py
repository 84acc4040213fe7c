"""What the service refuses or cannot do, beyond the engine's own errors; ``codes`` says how each is told.

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
│   ├── HostUnknown             host_unknown
│   ├── CrossSite               cross_site
│   └── Refused                 ends a job as ``rejected``
│       ├── FaceBlocked         face_blocked
│       └── Rejected            rejected
├── NotReady                    not_ready
├── ModeratorUnavailable        moderator_unavailable
├── EngineDied                  gave_up
└── TryLater                    with ``retry_after``
    ├── QueueFull               queue_full
    ├── QuotaExceeded           quota_exceeded
    ├── RateLimited             rate_limited
    ├── StorageUnavailable      storage_unavailable
    └── DatabaseUnavailable     database_unavailable
        └── SubmissionUncertain
"""

from __future__ import annotations

from reenact.errors import InputError, ReenactError

LOADING = "The model is being loaded."  # the message while a service starts, and only then


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
    """The model is still being loaded, or something that the service needs is away."""

    code = "not_ready"


class Unauthorized(InputError):
    """No valid access key came with the request."""

    code = "unauthorized"


class Forbidden(InputError):
    """The access key is valid, but not for this."""

    code = "forbidden"


class HostUnknown(InputError):
    """The request names a host that is not this machine, as in DNS rebinding."""

    code = "host_unknown"


class CrossSite(InputError):
    """A page of another site had a browser send this."""

    code = "cross_site"


class Refused(InputError):
    """Nothing is wrong with the order, but it may not be done; its job becomes ``rejected``."""


class FaceBlocked(Refused):
    """The picture, or the clip of a swap, shows someone who asked not to be used."""

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

    def __reduce__(self) -> tuple[type[TryLater], tuple[int], dict[str, object]]:
        """It comes from the engine's process too."""
        return type(self), (self.retry_after,), self.__dict__


class QueueFull(TryLater):
    """As many jobs wait as may wait."""

    code = "queue_full"
    reason = "Too many jobs are waiting."


class QuotaExceeded(TryLater):
    """One key has as many unfinished jobs as it may have."""

    code = "quota_exceeded"
    reason = "Too many of your jobs are unfinished."


class RateLimited(TryLater):
    """One key or address has sent as many orders within a minute as it may."""

    code = "rate_limited"
    reason = "Too many orders in a short time."


class StorageUnavailable(TryLater):
    """The bucket cannot be reached, or does not do what it is asked; the cause says why."""

    code = "storage_unavailable"
    reason = "The server's storage does not answer."

    def __init__(self, retry_after: int = 15) -> None:
        super().__init__(retry_after)


class DatabaseUnavailable(TryLater):
    """The database cannot be reached, or does not answer."""

    code = "database_unavailable"
    reason = "The server's database does not answer."

    def __init__(self, retry_after: int = 5) -> None:
        super().__init__(retry_after)


class SubmissionUncertain(DatabaseUnavailable):
    """It went away while it took an order."""

    reason = (
        "The server's database became unavailable while the order was being saved. The job may exist or not. "
        "Send the order again with the same Idempotency-Key, so that it is not done twice."
    )
