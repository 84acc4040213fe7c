"""Whether a webhook comes from your Reenact server: Standard Webhooks 1.0 with nothing but Python.

Copy the function into your receiver, and hand it the body as it came, before any JSON is read.
"""

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping

TOLERANCE = 300  # seconds that a call may be old, or ahead of our clock


def verify_webhook(secret: str, headers: Mapping[str, str], body: bytes) -> None:
    """Raise ValueError unless the body was signed with the secret, not long ago.

    Args:
        secret: ``whsec_...``, as ``reenact-server keys add`` showed it.
        headers: of the request, whatever the case of their names.
        body: of the request, byte for byte.
    """
    given = {name.lower(): value for name, value in headers.items()}
    try:
        id, stamp = given["webhook-id"], given["webhook-timestamp"]
        signatures = given["webhook-signature"].split()
        age = time.time() - int(stamp)
    except (KeyError, ValueError):
        raise ValueError("The headers of a signed webhook are missing or damaged.") from None
    if abs(age) > TOLERANCE:
        raise ValueError("The webhook is too old, or one of the two clocks is wrong.")

    # Keys of early releases have - and _ where base64 has + and /.
    key = base64.b64decode(secret.removeprefix("whsec_").replace("-", "+").replace("_", "/"))
    signed = f"{id}.{stamp}.".encode() + body
    code = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    wanted = f"v1,{code}".encode()
    if not any(hmac.compare_digest(wanted, each.encode()) for each in signatures):
        raise ValueError("The signature is not of this secret and this body.")
