# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers on loopback: each connection is handed to a function that says what the server does with it."""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import ssl
import threading
import typing as t

import pytest

Behaviour = t.Callable[[socket.socket, int], None]


@dataclasses.dataclass
class Server:
    """A listening server; ``requests`` are the heads it received, in order."""

    port: int
    requests: list[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


Serve = t.Callable[..., Server]


@pytest.fixture
def serve() -> t.Iterator[Serve]:
    """Start servers that end with the test."""
    with contextlib.ExitStack() as stack:
        stopped = threading.Event()

        def start(behaviour: Behaviour, context: ssl.SSLContext | None = None) -> Server:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            server = Server(listener.getsockname()[1], [])

            def one(connection: socket.socket, number: int) -> None:
                with contextlib.suppress(OSError), contextlib.ExitStack() as closing:
                    closing.enter_context(connection)
                    if context:
                        connection = closing.enter_context(context.wrap_socket(connection, server_side=True))
                    server.requests.append(_head(connection))
                    behaviour(connection, number)

            def accept() -> None:
                number = 0
                with contextlib.suppress(OSError):
                    while not stopped.is_set():
                        connection, _peer = listener.accept()
                        threading.Thread(target=one, args=(connection, number), daemon=True).start()
                        number += 1

            threading.Thread(target=accept, daemon=True).start()
            stack.callback(lambda: listener.shutdown(socket.SHUT_RDWR))
            return server

        stack.callback(stopped.set)
        yield start


def _head(connection: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head:
        chunk = connection.recv(65536)
        if not chunk:
            break
        head += chunk
    return head
