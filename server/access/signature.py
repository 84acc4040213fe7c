"""Signatures of webhooks and moderator requests, against forgery and replay."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime
from hashlib import sha256

from standardwebhooks import Webhook

SIGNATURE = "Reenact-Signature"
SECRET_PREFIX = "whsec_"


def sign(body: bytes, secret: str, now: int) -> str:
    """The signature header. The time is signed too, so that an old call cannot be sent as a new one."""
    code = hmac.new(secret.encode(), f"{now}.".encode() + body, sha256).hexdigest()
    return f"t={now},v1={code}"


def standard_headers(body: bytes, secret: str, id: str, now: int) -> dict[str, str]:
    """The headers of Standard Webhooks 1.0 (standardwebhooks.com).

    Args:
        body: UTF-8, as it is sent.
        secret: ``whsec_`` and base64. Secrets of earlier releases hold the base64 of addresses (- and _).
        id: of what is told, the same at each try.
        now: seconds since 1970.
    """
    base64 = secret.removeprefix(SECRET_PREFIX).replace("-", "+").replace("_", "/")
    signature = Webhook(base64).sign(id, datetime.fromtimestamp(now, UTC), body.decode())
    return {"webhook-id": id, "webhook-timestamp": str(now), "webhook-signature": signature}
