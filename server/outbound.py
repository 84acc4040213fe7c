"""Calls to addresses that strangers name: public ones only, so that nobody calls into the house through us.

The name is resolved once, every address it has is judged, and the connection goes to a judged address
itself; a name that points elsewhere a moment later (DNS rebinding) changes nothing. Redirects are not
followed, and no proxy of the environment is used. See OWASP, Server-Side Request Forgery Prevention.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from reenact.errors import InvalidOption

TIMEOUT = urllib3.Timeout(connect=5, read=10)
_URL = re.compile(r"[!-~]{1,2000}")
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+")  # a name, or an address without a zone
# Not of the internet either, but older Pythons' ``is_global`` says so (IANA special-purpose registry).
_SPECIAL = (IPv4Network("192.0.0.0/24"), IPv6Network("64:ff9b:1::/48"))
_NAT64 = IPv6Network("64:ff9b::/96")
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Target:
    """An address to call, taken apart."""

    scheme: str
    host: str
    port: int
    path: str  # with the query


def parse(url: str) -> Target:
    """Take an address apart; raises InvalidOption for one that is none or that cannot be public."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise InvalidOption("webhook: This is no address.") from None
    if parts.scheme not in _PORTS or not _HOST.fullmatch(host) or not _URL.fullmatch(url):
        raise InvalidOption("webhook: Send an address that begins with https:// or http://.")
    if parts.username is not None or parts.password is not None:
        raise InvalidOption("webhook: The address may not hold a user or password.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port or _PORTS[parts.scheme], path)


def check_host(target: Target, allowed: frozenset[str]) -> None:
    """Refuse at once what needs no look-up to be refused; raises InvalidOption.

    Numbers are read as the system reads them, so 2130706433, 0177.0.0.1 and 0x7f.1 are what they are.
    """
    if target.host in allowed:
        return
    try:
        found = socket.getaddrinfo(target.host, target.port, flags=socket.AI_NUMERICHOST)
    except (socket.gaierror, UnicodeError):
        found = []  # a name: judged when it is called
    if target.host == "localhost" or not all(is_public(each[4][0]) for each in found):
        raise InvalidOption("webhook: The address is not a public one.")


def is_public(address: str | int) -> bool:
    """Whether an IP address is one of the public internet, also behind the ways to write IPv4 in IPv6."""
    ip = ip_address(str(address).partition("%")[0])
    if isinstance(ip, IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64:
            inner = IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
        if ip.is_site_local:
            return False
    special = any(ip.version == each.version and ip in each for each in _SPECIAL)
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or special)


def post(url: str, body: bytes, headers: dict[str, str], allowed: frozenset[str]) -> int:
    """POST to a public address and give the status of its answer.

    Args:
        url: as ``parse`` accepts it.
        body: what to send.
        headers: to send with it.
        allowed: names of hosts that may have any address.

    Raises:
        OSError: it cannot be reached, or one of its addresses is not public.
        InvalidOption: the address is none.
    """
    target = parse(url)
    found = [each[4][0] for each in socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)]
    if target.host not in allowed and not all(is_public(each) for each in found):
        raise PermissionError("The address is not a public one.")
    bare = f"[{target.host}]" if ":" in target.host else target.host
    host = bare if target.port == _PORTS[target.scheme] else f"{bare}:{target.port}"
    pool = _pool(target, str(found[0]))
    try:
        answer = pool.urlopen(
            "POST",
            target.path,
            body=body,
            headers={**headers, "Host": host},
            redirect=False,
            retries=False,
            preload_content=False,  # what it says is not read
        )
        answer.close()
        return answer.status
    except HTTPError as e:
        raise ConnectionError(type(e).__name__) from e
    finally:
        pool.close()


def _pool(target: Target, address: str) -> urllib3.HTTPConnectionPool:
    """Connections to a judged address that know it by its name."""
    if target.scheme == "http":
        return urllib3.HTTPConnectionPool(address, target.port, timeout=TIMEOUT)
    return urllib3.HTTPSConnectionPool(
        address, target.port, timeout=TIMEOUT, server_hostname=target.host, assert_hostname=target.host
    )
