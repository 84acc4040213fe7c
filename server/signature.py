"""What we send to others is signed, so that they know it comes from here and is not an old one sent again."""

from __future__ import annotations

import hmac
from hashlib import sha256

SIGNATURE = "Reenact-Signature"


def sign(body: bytes, secret: str, now: int) -> str:
    """The signature header. The time is signed too, so that an old call cannot be sent as a new one."""
    code = hmac.new(secret.encode(), f"{now}.".encode() + body, sha256).hexdigest()
    return f"t={now},v1={code}"
