"""POST requests to addresses that clients name: public ones only, to prevent server-side request forgery.

The name is resolved once, all its addresses are checked, and the connection goes to a checked address, so
that DNS rebinding has no effect. Redirects are not followed, and no proxy of the environment is used. See
OWASP, Server-Side Request Forgery Prevention.

A call has one deadline for everything. The timeout of a socket is not enough: it restarts with every byte.
"""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from http.client import HTTPConnection, HTTPException
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from threading import Thread, Timer
from urllib.parse import urlsplit

from reenact.errors import InvalidOption

SECONDS = 10.0  # of a whole call: looking up the name, connecting, sending, and the head of the answer
_URL = re.compile(r"[!-~]{1,2000}")
# RFC 1035, and _ as names of containers have it.
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NAME_LENGTH = 253
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")  # as the last label: the host must be an IPv4 address
# Not of the internet either, but older Pythons' ``is_global`` says so (IANA special-purpose registry).
_SPECIAL = (IPv4Network("192.0.0.0/24"), IPv6Network("64:ff9b:1::/48"))
_NAT64 = IPv6Network("64:ff9b::/96")
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Target:
    """The parts of an address to call."""

    scheme: str
    host: str
    port: int
    path: str  # with the query

    @property
    def header(self) -> str:
        """The value of the header Host."""
        bare = f"[{self.host}]" if ":" in self.host else self.host
        return bare if self.port == _PORTS[self.scheme] else f"{bare}:{self.port}"


def parse(url: str) -> Target:
    """Parse an address; raises InvalidOption."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise InvalidOption("webhook: This is not a URL.") from None
    if parts.scheme not in _PORTS or not _URL.fullmatch(url):
        raise InvalidOption("webhook: Send an address that begins with https:// or http://.")
    if not _is_host(host) or port == 0:
        raise InvalidOption("webhook: The host name is invalid. Check what follows ://.")
    if parts.username is not None or parts.password is not None:
        raise InvalidOption("webhook: The address must not contain a user or password.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port or _PORTS[parts.scheme], path)


def _is_host(host: str) -> bool:
    """Whether it is an IP address, or a name that can be looked up: other names raise UnicodeError there."""
    if ":" in host:
        return "%" not in host and bool(_numeric(host))
    labels = host.removesuffix(".").split(".")
    named = len(host) <= _NAME_LENGTH and all(_LABEL.fullmatch(label) for label in labels)
    return named and (not _NUMBER.fullmatch(labels[-1]) or bool(_numeric(host)))


def _numeric(host: str) -> list[str]:
    """The IP address that a host is without being looked up, as the system reads it; nothing for a name.

    2130706433, 0177.0.0.1 and 0x7f.1 are 127.0.0.1.
    """
    try:
        return [str(each[4][0]) for each in socket.getaddrinfo(host, 0, flags=socket.AI_NUMERICHOST)]
    except (socket.gaierror, UnicodeError):
        return []


def check_host(target: Target, allowed: frozenset[str]) -> None:
    """Refuse private addresses without a DNS look-up; raises InvalidOption."""
    if target.host in allowed:
        return
    if target.host == "localhost" or not all(is_public(each) for each in _numeric(target.host)):
        raise InvalidOption("webhook: The address is not public.")


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


def post(
    url: str, body: bytes, headers: dict[str, str], allowed: frozenset[str], seconds: float = SECONDS
) -> int:
    """POST to a public address and give the status of its answer; what it says is not read.

    Args:
        url: as ``parse`` accepts it.
        body: what to send.
        headers: to send with it.
        allowed: names of hosts that may have any address.
        seconds: that the whole call may take.

    Raises:
        TimeoutError: it took longer.
        OSError: it cannot be reached, does not speak HTTP, or one of its addresses is not public.
        InvalidOption: the address is none.
    """
    target, deadline = parse(url), _Deadline(seconds)
    with _connect(target, allowed, deadline) as line, deadline.cut(line):
        if target.scheme == "https":
            line = _tls().wrap_socket(line, server_hostname=target.host)
        connection = HTTPConnection(target.host, target.port)
        connection.sock = line
        try:
            connection.request("POST", target.path, body, {**headers, "Host": target.header})
            with connection.getresponse() as answer:
                return answer.status
        except HTTPException as e:
            raise ConnectionError(type(e).__name__) from e
        finally:
            connection.close()


class _Deadline:
    """When a call must be over, on the clock that only goes forward."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds that are left; raises TimeoutError where none are."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("The call took too long.")
        return left

    @contextmanager
    def cut(self, line: socket.socket) -> Iterator[None]:
        """Break off, when the time is over, whatever is done with a connection; raises TimeoutError then."""
        line.settimeout(self.left())
        other = line.dup()  # since TLS takes the connection away from ``line``
        clock = Timer(self.left(), _hang_up, (other,))
        clock.daemon = True
        clock.start()
        try:
            yield
        finally:
            clock.cancel()
            other.close()
            self.left()  # the head of an answer that was cut off reads like a whole one


def _hang_up(line: socket.socket) -> None:
    with suppress(OSError):  # it has ended in this moment
        line.shutdown(socket.SHUT_RDWR)


def _connect(target: Target, allowed: frozenset[str], deadline: _Deadline) -> socket.socket:
    """A connection to one of the target's addresses, when all are public or its name is allowed."""
    addresses = _resolve(target, deadline)
    if target.host not in allowed and not all(is_public(each) for each in addresses):
        raise PermissionError("The address is not public.")
    while True:
        address = addresses.pop(0)
        try:
            return socket.create_connection((address, target.port), deadline.left() / (1 + len(addresses)))
        except OSError:
            if not addresses:
                raise


def _resolve(target: Target, deadline: _Deadline) -> list[str]:
    """All addresses of a target, each once.

    A look-up cannot be broken off, so one that takes too long is left to a thread that ends by itself.
    """
    found: Future[list[str]] = Future()

    def look_up() -> None:
        try:
            known = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
            found.set_result(list(dict.fromkeys(str(each[4][0]) for each in known)))
        except Exception as e:
            found.set_exception(e)

    Thread(target=look_up, name="look-up", daemon=True).start()
    return found.result(deadline.left())


@cache
def _tls() -> ssl.SSLContext:
    """The system's roots, read once."""
    return ssl.create_default_context()
