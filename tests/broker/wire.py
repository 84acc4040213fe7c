"""A TCP line that a test may cut."""

from __future__ import annotations

import socket
from contextlib import suppress
from threading import Thread

from .machines import free_port


class Wire:
    """A TCP line to a server, which a test may cut: connections break, new ones are refused."""

    def __init__(self, to: int) -> None:
        """Lead to a port of this machine, from ``port``."""
        self._to, self.port, self._ends = to, free_port(), set[socket.socket]()
        self._door: socket.socket | None = None
        self.restore()

    def restore(self) -> None:
        """Let through what comes."""
        self._door = socket.create_server(("127.0.0.1", self.port))
        Thread(target=self._accept, args=(self._door,), daemon=True).start()

    def cut(self) -> None:
        """Break all connections, and refuse those that come."""
        if self._door:
            self._door.shutdown(socket.SHUT_RDWR)
            self._door.close()
            self._door = None
        for end in list(self._ends):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _accept(self, door: socket.socket) -> None:
        with suppress(OSError):  # cut
            while True:
                near, _ = door.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
                for one, other in ((near, far), (far, near)):
                    Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        self._ends.add(one)
        with suppress(OSError):
            while piece := one.recv(65536):
                other.sendall(piece)
        with suppress(OSError):
            other.shutdown(socket.SHUT_RDWR)
        self._ends.discard(one)
        one.close()
