# SPDX-License-Identifier: GPL-3.0-or-later
"""Where services listen: ports the kernel calls free, and socket paths that fit."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import tempfile
from pathlib import Path

SOCKET_PATH_LIMIT = 107  # sun_path of Linux less its end mark
HOST = "127.0.0.1"
_LINK = "sockets"

_given: set[int] = set()


def free_port() -> int:
    """A TCP port of the loopback address that nobody listens on; never the same one twice in this process."""
    while True:
        with contextlib.closing(socket.socket()) as probe:
            probe.bind((HOST, 0))
            port: int = probe.getsockname()[1]
        if port not in _given:
            _given.add(port)
            return port


def listens(port: int, timeout_seconds: float = 1) -> bool:
    """Whether somebody accepts connections on a loopback port."""
    try:
        with socket.create_connection((HOST, port), timeout_seconds):
            return True
    except OSError:
        return False


def fits(folder: Path, socket_name: str) -> bool:
    """Whether a unix socket of that name can live in the folder."""
    return len(os.fsencode(folder / socket_name)) <= SOCKET_PATH_LIMIT


def socket_folder(folder: Path, socket_name: str) -> Path:
    """The folder itself when its path is short enough for the socket, else a private one under /tmp, kept in mind."""
    if fits(folder, socket_name):
        return folder
    link = folder / _LINK
    if not link.is_symlink():
        folder.mkdir(parents=True, exist_ok=True)
        link.symlink_to(tempfile.mkdtemp(prefix="vendhub-", dir="/tmp"))
    beside = Path(os.readlink(link))
    beside.mkdir(mode=0o700, exist_ok=True)  # whoever tidies /tmp may have taken it
    return beside


def drop_socket_folder(folder: Path) -> None:
    """Take away the folder under /tmp, if there is one."""
    link = folder / _LINK
    if link.is_symlink():
        shutil.rmtree(os.readlink(link), ignore_errors=True)
        link.unlink()
