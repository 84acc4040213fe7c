"""gunicorn's worker with threads, whose loop waits for no client, and where looks at jobs wait for nobody.

The loop accepts connections and hands them to threads. As gunicorn has it, a new connection takes a thread
before it has sent anything, and the loop itself stays with each answered one until the client has closed its
side, up to two seconds in which nobody else is let in. Here both wait in the selector. A head that does not
come whole keeps its thread no longer than that either.

What is sent with POST, orders that take ten times as long as a look and uploads that take longer, has threads
of its own, as many again. In one line with them, a look would come after all that were sent before it.

So it would behind downloads and events, which keep a thread as long as their client likes. Looks at jobs wait
for nothing but the database, and have two threads of their own. They are answered in the order in which they
came: of many threads that take turns with the interpreter, all would be as late as the last.
"""

from __future__ import annotations

import logging
import re
import socket
import sys
import time
from collections import deque
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from fcntl import ioctl
from functools import partial
from selectors import EVENT_READ
from termios import TIOCOUTQ
from threading import Barrier
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from server.http.refusal import is_improper, refusal

log = logging.getLogger(__name__)
TURN = 0.0005  # seconds after which a thread lets another have the interpreter; Python's own are 5 ms
LINGER = 2.0  # seconds in which a client must close a connection that was answered for the last time
DRAIN = 65536  # bytes that are read at once of what nobody wants any more
HEAD = 4096  # bytes of a request that are looked at to see what it is
HEAD_ENDS = b"\r\n\r\n"
LOOKING = 2  # threads for looks at jobs
# A whole one with nothing after it: its thread waits neither for the rest of the head nor for a body.
# Proxies speak HTTP/1.0 where nobody told them otherwise; a query changes nothing and keeps caches away.
LOOK = re.compile(
    rb"GET /v1/animations/[0-9a-f]{32}(\?[!-~]*)? HTTP/1\.[01]\r\n"
    rb"((?i:(?!content-length|transfer-encoding|expect))[!-~][^\r\n]*\r\n)*\r\n"
)


class PatientWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Gives a connection a thread only while there is a request to read or to answer."""

    silent: float  # seconds in which a new connection must begin to send, and then the whole head must come

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._lingering: deque[Any] = deque()  # connections, the one that ends first at the left
        self._heads: dict[Any, float] = {}  # connections whose head is not whole, and when it must be
        self._orders: Executor  # for what is sent with POST
        self._looks: Executor  # for looks at jobs

    def init_process(self) -> None:
        """Begin, in the process that was forked."""
        sys.setswitchinterval(TURN)
        self._orders, self._looks = self.get_thread_pool(), _threads(LOOKING)
        super().init_process()

    def get_thread_pool(self) -> Executor:
        """For one kind of requests."""
        return _threads(self.cfg.threads)

    def accept(self, listener: Any) -> None:
        """Let in all who wait, as long as there is room."""
        before = -1
        while before < self.nr_conns < self.worker_connections:
            before = self.nr_conns
            super().accept(listener)

    def enqueue_req(self, conn: Any) -> None:
        """Hand a connection to a thread, a new one as soon as it has sent something."""
        sent = _begun(conn.sock)
        if sent or conn.initialized or conn.data_ready:
            if HEAD_ENDS not in sent:
                self._heads[conn] = time.monotonic() + self.silent
            done = self._line(conn, sent).submit(self.handle, conn)
            done.add_done_callback(lambda done: self.method_queue.defer(self.finish_request, conn, done))
            return
        conn.timeout = time.monotonic() + self.silent
        self.pending_conns.append(conn)
        self._listen(conn, partial(self.on_pending_socket_readable, conn))

    def _line(self, conn: Any, sent: bytes) -> Executor:
        """The threads for a request that begins so."""
        if sent.startswith(b"POST"):
            return self._orders
        return self._looks if LOOK.fullmatch(sent) and not _owes(conn) else self.tpool

    def handle_request(self, req: Any, conn: Any) -> bool:
        """Answer a request whose head has come."""
        self._heads.pop(conn, None)
        return bool(super().handle_request(req, conn))

    def finish_request(self, conn: Any, fs: Future[Any]) -> None:
        """Keep a connection for its next request, or end it."""
        self._heads.pop(conn, None)
        last = not fs.cancelled() and fs.exception() is None and fs.result() is False
        if not last:
            super().finish_request(conn, fs)
            return
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:  # the client has gone
            self._end(conn)
            return
        conn.timeout = time.monotonic() + LINGER
        self._lingering.append(conn)
        self._listen(conn, partial(self._drain, conn))

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        """Answer what is no proper HTTP, and what broke off outside of the app."""
        if is_improper(exc):
            self.log.warning("Invalid request: %s", type(exc).__name__)
        else:
            self.log.error("Error handling request", exc_info=exc)
        try:
            client.sendall(refusal(exc))
        except OSError:
            log.debug("Who sent it has gone")

    def murder_pending(self) -> None:
        """End the connections whose time is over."""
        super().murder_pending()
        while self._lingering and self._lingering[0].timeout <= time.monotonic():
            self._part(self._lingering[0])
        for conn, end in list(self._heads.items()):
            if end <= time.monotonic() and self._heads.pop(conn, 0.0):
                _hush(conn.sock)

    def _listen(self, conn: Any, heard: partial[None]) -> None:
        conn.sock.setblocking(False)
        self.poller.register(conn.sock, EVENT_READ, heard)

    def _drain(self, conn: Any, line: socket.socket) -> None:
        """Throw away what still comes: closing before it was read could take back the end of the answer."""
        try:
            if line.recv(DRAIN):
                return
        except BlockingIOError:
            return
        except OSError:
            pass  # the client broke it off
        self._part(conn)

    def _part(self, conn: Any) -> None:
        self._lingering.remove(conn)
        self.poller.unregister(conn.sock)
        self._end(conn)

    def _end(self, conn: Any) -> None:
        self.nr_conns -= 1
        conn.close()


def _threads(count: int) -> Executor:
    """Threads that are there already: while some of a first crowd's were started, nobody was let in."""
    pool, there = ThreadPoolExecutor(count), Barrier(count)
    list(pool.map(lambda _: there.wait(), range(count)))
    return pool


def _begun(line: socket.socket) -> bytes:
    """What has arrived of the next request, up to ``HEAD``; nothing where none begins, or ever will."""
    try:
        return line.recv(HEAD, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except OSError:  # the thread will find out what it is
        return b""


def _hush(line: socket.socket) -> None:
    """Let a thread that reads find that nothing more comes."""
    try:
        line.shutdown(socket.SHUT_RD)
    except OSError:
        log.debug("The sender of half a head has gone")


def _owes(conn: Any) -> bool:
    """Whether a connection has requests that were read already, or answers that its client has not."""
    if not conn.initialized:
        return False
    try:
        return any(ioctl(conn.sock, TIOCOUTQ, bytes(4))) or bool(conn.parser.unreader.buf.getvalue())
    except OSError:  # not on Linux
        return True
