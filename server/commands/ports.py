"""Whether a port is free, or which service uses it."""

from __future__ import annotations

import errno
import json
import socket
import urllib.error
import urllib.request
from contextlib import suppress

from reenact.doctor import Finding
from reenact.errors import SetupError
from server.errors import NotReady
from server.settings import variable

BACKLOG = 1024  # connections that the kernel keeps until they are let in
ANSWER_SECONDS = 5  # that the service on the port may take to answer


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there; raises SetupError."""
    try:
        return _listen(host, port)
    except OSError as e:
        raise unusable(host, port, e) from e


def trouble(host: str, port: int) -> OSError | None:
    """What keeps this process from listening there."""
    try:
        _listen(host, port).close()
    except OSError as e:
        return e
    return None


def _listen(host: str, port: int) -> socket.socket:
    return socket.create_server(
        (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=BACKLOG
    )


def unusable(host: str, port: int, wrong: OSError) -> SetupError:
    """The error to raise where ``trouble`` found something."""
    return SetupError(
        f"Cannot listen on {host}, port {port}: {wrong.strerror}. Set REENACT_PORT or "
        "REENACT_HOST to another; with make: `make run PORT=9000`."
    )


def look(host: str, name: str, port: int, path: str, ours: bytes) -> Finding:
    """Whether a setting's port is free, or taken by a service of ours, which says ``ours`` under the path."""
    shown = _address(host, port)
    wrong = trouble(host, port)
    if wrong is None:
        return Finding(name, "ok", f"{shown} is free" if port else "a free port will be chosen")
    if wrong.errno == errno.EADDRINUSE and ours in _fetch(f"http://{shown}{path}"):
        return Finding(name, "ok", f"Reenact already runs at {shown}")
    detail = f"{shown} cannot be used: {wrong.strerror}; set REENACT_HOST or {variable(name)}"
    return Finding(name, "broken", detail)


def complaint(host: str, port: int) -> str | None:
    """What a service of ours says that runs there and is not ready."""
    try:
        urllib.request.urlopen(f"http://{_address(host, port)}/readyz", timeout=ANSWER_SECONDS).close()
    except urllib.error.HTTPError as e:
        with e, suppress(OSError, ValueError, AttributeError):
            problem = json.load(e)
            if problem.get("code") == NotReady.code:
                return str(problem.get("detail"))
    except (OSError, ValueError):
        pass  # there is none, or it is no service of ours
    return None


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _fetch(address: str) -> bytes:
    """What is answered there; nothing where nobody speaks HTTP."""
    try:
        with urllib.request.urlopen(address, timeout=ANSWER_SECONDS) as answer:
            return bytes(answer.read())
    except (OSError, ValueError):
        return b""
