"""How long a request's body may take to arrive, so that slow senders do not hold every thread.

The server's worker waits for each piece of a body as long as it takes. When the time is over we close the
reading half of the connection: the wait ends, and 408 is the answer.

An answer that begins before the body was read says that the connection closes: gunicorn closes it then, and a
client that was not told would send its next request into a closed connection.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterable
from functools import partial
from threading import Timer
from typing import Any

from gunicorn.http.errors import NoMoreData, ParseException
from werkzeug.exceptions import RequestTimeout

from server.errors import BodyBroken

log = logging.getLogger(__name__)
BROKEN = "The request's body ended before it was whole, or its chunks are damaged. Send it again."
Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


class BodyTime:
    """WSGI middleware; it needs the socket that gunicorn puts into the environment."""

    def __init__(self, application: Application, seconds: float) -> None:
        """Give the bodies of the application's requests so many seconds."""
        self._application, self._seconds = application, seconds

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Watch the clock until the body is read, or else until the answer begins."""
        length = environ.get("CONTENT_LENGTH") or ""
        line = environ.get("gunicorn.socket")
        if line is None or (length in ("", "0") and "HTTP_TRANSFER_ENCODING" not in environ):
            return self._application(environ, start_response)
        left = int(length) if length.isdecimal() else None
        body = environ["wsgi.input"] = _Body(environ["wsgi.input"], line, left, self._seconds)
        try:
            return self._application(environ, partial(_begin, body, start_response))
        finally:
            body.clock.cancel()


def _begin(body: _Body, start_response: Any, *answer: Any) -> Any:
    """Begin an answer; where the body was not read, one that closes the connection."""
    answering = getattr(start_response, "__self__", None)  # gunicorn's Response
    if body.unread and answering is not None:
        answering.force_close()
    return start_response(*answer)


class _Body:
    """A body whose clock runs until it has been read."""

    def __init__(self, stream: Any, line: socket.socket, left: int | None, seconds: float) -> None:
        self._stream, self._line, self._left, self._late = stream, line, left, False
        self.unread = True
        self.clock = Timer(seconds, self._cut)
        self.clock.daemon = True
        self.clock.start()

    def read(self, size: int = -1) -> bytes:
        return self._counted(self._stream.read, size)

    def readline(self, size: int = -1) -> bytes:
        return self._counted(self._stream.readline, size)

    def _counted(self, read: Callable[[int], bytes], size: int) -> bytes:
        try:
            data = read(size)
        except (ParseException, NoMoreData) as e:  # of a body in chunks
            raise (RequestTimeout() if self._late else BodyBroken(BROKEN)) from e
        if self._late:  # what came is cut off, and a form would be read as if that were all
            raise RequestTimeout
        if self._left is not None:
            self._left -= len(data)
            if self._left and not data and size != 0:
                raise BodyBroken(BROKEN)
        if self._left == 0 or (not data and size != 0):
            self.unread = False
            self.clock.cancel()
        return data

    def _cut(self) -> None:
        self._late = True
        try:
            self._line.shutdown(socket.SHUT_RD)
        except OSError:
            log.debug("The sender of a slow body has gone")
