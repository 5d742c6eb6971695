# SPDX-License-Identifier: GPL-3.0-or-later
"""The daemon's protocol, and every way in which the other end can misbehave."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import ServiceDown
from ansible_collections.vendhub.ops.plugins.module_utils._pm2.rpc import Daemon, StrangeReply, content, frame


def reply(value: t.Any) -> bytes:
    return frame([b"j:" + json.dumps({"args": [value]}).encode(), b"s:1"])


@pytest.fixture
def speak(short_folder: Path) -> t.Iterator[t.Callable[[bytes], Path]]:
    """A listener on rpc.sock that answers anything with the given bytes, then keeps the connection open."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(short_folder / "rpc.sock"))
    server.listen(1)
    open_ends = []

    def start(answer: bytes) -> Path:
        def serve() -> None:
            try:
                client, dummy = server.accept()
                client.recv(65536)
                client.sendall(answer)
            except OSError:
                return  # the test ended without a connection, or without waiting for the answer
            open_ends.append(client)
            if answer.endswith(b"<close>"):
                client.close()
        threading.Thread(target=serve, daemon=True).start()
        return short_folder

    yield start
    for end in open_ends:
        end.close()
    server.close()


def test_a_request_is_framed_as_amp_version_1() -> None:
    assert frame([b"ab", b"c"]) == b"\x12" + struct.pack(">I", 2) + b"ab" + struct.pack(">I", 1) + b"c"


def test_a_reply_is_read(speak: t.Callable[[bytes], Path]) -> None:
    with Daemon(str(speak(reply("7.0.4"))), 2) as daemon:
        assert daemon.call("getVersion") == "7.0.4"


@pytest.mark.parametrize("answer", [
    b"HTTP/1.1 400 Bad Request\r\n\r\n",
    b"\x00\x00\x00\x00",
    b"\x11\xff\xff\xff\xff",
    frame([b"not json", b"s:1"]),
    frame([b"j:[1", b"s:1"]),
    frame([b"j:{}", b"s:1"]),
    frame([b'j:{"args":[1,2]}', b"s:1"]),
    frame([b'j:{"error":"boom"}', b"s:1"]),
    frame([b"j:42", b"s:1"]),
    reply("7")[:10] + b"<close>",
])
def test_rubbish_is_a_strange_reply(speak: t.Callable[[bytes], Path], answer: bytes) -> None:
    with Daemon(str(speak(answer)), 1) as daemon, pytest.raises((StrangeReply, ServiceDown)):
        daemon.call("getVersion")


def test_a_mute_daemon_is_given_up_in_time(speak: t.Callable[[bytes], Path]) -> None:
    started = time.monotonic()
    with Daemon(str(speak(b"")), 0.3) as daemon, pytest.raises(ServiceDown, match=r"did not answer within 0\.3 s"):
        daemon.call("getVersion")
    assert time.monotonic() - started < 2


def test_a_daemon_that_drips_is_given_up_in_time(speak: t.Callable[[bytes], Path]) -> None:
    with Daemon(str(speak(b"\x12\x00\x00")), 0.3) as daemon, pytest.raises(ServiceDown, match="did not answer"):
        daemon.call("getVersion")


def test_no_socket_is_no_daemon(short_folder: Path) -> None:
    with pytest.raises(ServiceDown, match="no PM2 daemon runs"):
        Daemon(str(short_folder), 1)


def test_a_stale_socket_is_a_dead_daemon(short_folder: Path) -> None:
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(short_folder / "rpc.sock"))
    left.close()
    with pytest.raises(ServiceDown, match="is dead"):
        Daemon(str(short_folder), 1)


def test_a_method_that_could_change_something_is_refused(speak: t.Callable[[bytes], Path]) -> None:
    with Daemon(str(speak(reply(1))), 1) as daemon, pytest.raises(ValueError, match="change nothing"):
        daemon.call("restartProcessId")


def test_only_the_shape_of_a_strange_reply_is_told() -> None:
    with pytest.raises(StrangeReply) as caught:
        content("getMonitorData", [b'j:{"error":"password canary"}'])
    assert "canary" not in str(caught.value)
