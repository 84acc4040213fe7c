"""Who asks: the key of a request, and whether it may send one more order."""

from __future__ import annotations

from typing import cast

from flask import g, request

from reenact.errors import InvalidOption
from server.container import services
from server.errors import Forbidden, Unauthorized
from server.webhooks import safe_post


def authenticate() -> None:
    """Before a request: find out whose it is. Raises Unauthorized.

    Where the server listens on loopback and no key was ever made, nobody needs one.
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
    """Let only an operator go on, or whoever needs no key; raises Forbidden."""
    if not g.operator:
        raise Forbidden(
            "Only an operator key may change the gallery: `reenact-server keys add NAME --operator`."
        )


def count_order() -> None:
    """Count an order of the request's key and address; raises RateLimited.

    On one's own machine, where no key is needed, nothing is counted.
    """
    if owner() is not None:
        services().rate.count(f"key {owner()}", f"address {request.remote_addr}")


def check_webhook(url: str | None) -> None:
    """Refuse an address that will not be called; raises InvalidOption."""
    if url is None:
        return
    if owner() is None:
        raise InvalidOption(
            "webhook: Webhooks are signed with the secret of an access key. Send the order with a key."
        )
    safe_post.check_host(safe_post.parse(url), services().settings.private_hosts)
