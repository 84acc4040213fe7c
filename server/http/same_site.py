"""Without keys, only pages of this server may use it, since a browser lets any page send requests here.

A page elsewhere may point its own name at 127.0.0.1 (DNS rebinding), so that the browser takes this server
for its own: the header Host then has that name. Or it may send a form across sites, which needs no
permission: the headers Sec-Fetch-Site and Origin then say from where. No page can set these three. Programs
such as curl send neither of the last two.
"""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from flask import Flask, request

from server.container import services
from server.errors import CrossSite, HostUnknown

SAFE = ("GET", "HEAD", "OPTIONS")


def init_app(app: Flask) -> None:
    """Check every request of the app."""
    app.before_request(check)


def check() -> None:
    """Refuse requests that another site made a browser send; raises HostUnknown and CrossSite.

    Health checks are always allowed, under any host name.
    """
    allowed = request.blueprint == "health" or (_is_own_host() and _is_own_origin())
    if allowed or not services().settings.local or services().keys.exist():
        return
    if not _is_own_host():
        raise HostUnknown(
            "The Host header does not name this server. Use localhost or 127.0.0.1, name the host in "
            "REENACT_CORS_ORIGINS, or make a key with `reenact-server keys add NAME`."
        )
    raise CrossSite(
        "A page of another site sent this. Name its origin in REENACT_CORS_ORIGINS, or make a key with "
        "`reenact-server keys add NAME`."
    )


def _is_own_host() -> bool:
    """Whether Host is this machine, a host that the operator named, or comes from a trusted proxy."""
    settings, name = services().settings, _host_of(f"//{request.host}")
    forwarded = settings.proxies > 0 and "X-Forwarded-Host" in request.headers
    named = {settings.host, *map(_host_of, settings.origins)}
    return forwarded or "*" in settings.origins or name in named or _is_loopback(name)


def _is_own_origin() -> bool:
    """Whether a request changes nothing, or comes from a page of this server, an allowed one, or none."""
    origins, origin = services().settings.origins, request.headers.get("Origin")
    site = request.headers.get("Sec-Fetch-Site")
    if request.method in SAFE or "*" in origins or origin in origins or site in ("same-origin", "none"):
        return True
    if site == "cross-site":
        return False
    return origin is None or urlsplit(origin).netloc == request.host  # also where a browser sends no site


def _host_of(url: str) -> str:
    """The name or address in it; nothing where there is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_loopback(name: str) -> bool:
    try:
        return name.removesuffix(".") == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False
