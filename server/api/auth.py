"""Authentication: the key of a request, and what it may do."""

from __future__ import annotations

from typing import cast

from flask import g, request

from reenact.errors import InvalidOption
from server.container import services
from server.errors import Forbidden, Unauthorized
from server.webhooks import safe_post


def authenticate() -> None:
    """Before a request: find its key. Raises Unauthorized.

    If the server listens on loopback and has no keys, none is needed.
    """
    use, sent = services(), request.authorization
    if sent is None or sent.type != "bearer":
        if not use.settings.local or use.keys.exist():
            raise Unauthorized("Send an access key in the header Authorization: Bearer KEY.")
        g.owner, g.operator = None, True
        return
    key = use.keys.find(sent.token or "")
    if key is None:
        raise Unauthorized("This access key is unknown or was revoked. Ask the operator for another.")
    g.owner, g.operator = key.id, key.operator


def owner() -> str | None:
    """Id of the request's key; None where none is needed."""
    return cast("str | None", g.owner)


def require_operator() -> None:
    """Require an operator key, unless no key is needed; raises Forbidden."""
    if not g.operator:
        raise Forbidden(
            "Only an operator key may change the gallery: `reenact-server keys add NAME --operator`."
        )


def count_order() -> None:
    """Count an order of the request's key and address; raises RateLimited.

    If no key is needed, nothing is counted.
    """
    if owner() is not None:
        services().rate.count(f"key {owner()}", f"address {request.remote_addr}")


def check_webhook(url: str | None) -> None:
    """Refuse an address that webhooks may not call; raises InvalidOption."""
    if url is None:
        return
    if owner() is None:
        raise InvalidOption(
            "webhook: Webhooks are signed with the secret of an access key. Send the order with a key."
        )
    safe_post.check_host(safe_post.parse(url), services().settings.private_hosts)
