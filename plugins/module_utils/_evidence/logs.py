# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""The ends of logs, and of what they were rotated to where a log has just begun."""

from __future__ import annotations

import collections
import glob
import os
import re
import threading
import typing as t

from .._core.errors import CannotLook, OpsError
from .._log import files as log_files
from . import access, parse
from .gather import Sink
from .options import OPTIONS

PACKED_BYTES = 16 * 1024 * 1024  # a rotated log that is larger than this, packed, takes too long to unpack
FILES = 100
USUAL = frozenset(OPTIONS["log_paths"]["default"])
_NAME = re.compile(r"[^A-Za-z0-9._-]+")


class Tails:
    """Takes each log once, whoever names it."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._lock = threading.Lock()
        self._seen: set[str] = set()
        self._names: set[str] = set()

    def take(self, sink: Sink, pattern: str, named_by: t.Optional[int] = None) -> None:
        """Put the end of each log that the path or pattern means; one that cannot be read is named.

        ``named_by`` is the user who chose the path, where it was not the operator.
        """
        paths = sorted(glob.glob(pattern))[:FILES] if glob.has_magic(pattern) else [pattern]
        for path in paths:
            users = access.choosers(path) if named_by is None else frozenset({named_by})
            real = os.path.realpath(path)
            try:
                if os.path.lexists(real):
                    access.look(real, users)  # before it counts as taken: another may name it who may have it
                name = self._new(real)
                if not name:
                    continue
                text = _tail(real, self._most, users)
            except OpsError as exc:
                sink.fault(f"{path}: {exc}")
                continue
            except OSError as exc:
                sink.fault(f"{path}: {exc.strerror or exc}")
                continue
            sink.text(f"logs/{name}", text)

    def _new(self, real: str) -> str:
        with self._lock:
            if real in self._seen or len(self._seen) >= FILES:
                return ""
            self._seen.add(real)
            name = stem = _NAME.sub("_", real.strip("/"))[-120:]
            number = 1
            while name in self._names:
                number += 1
                name = f"{stem}-{number}"
            self._names.add(name)
            return name


def _tail(path: str, most: int, users: access.Users) -> str:
    """The end of a log; when it has just been rotated, before it the end of what came before."""
    parts: list[str] = []
    room = most
    # the log itself first: packing what came before may have taken longer than its first new line
    for entry in sorted(log_files.family(path), key=lambda one: one.path != path)[:3]:
        if room < most // 8:
            break
        try:
            text, whole = _end(entry.path, room, users)
        except CannotLook as exc:
            if entry.path == path:
                raise
            text, whole = f"[left out: {exc}]\n", False
        parts.insert(0, f"== {entry.path}, {entry.size} bytes" + ("" if whole else f", the last {len(text)}")
                     + f"\n{text}")
        room -= len(text.encode("utf-8", "replace"))
    return "\n".join(parts)


def _end(path: str, most: int, users: access.Users) -> tuple[str, bool]:
    """The last whole lines of a file, and whether that is all of it."""
    with access.opened(path, users) as log:
        if log.packing:
            return _unpacked_end(log, most)
        start = max(0, log.size - most)
        text = log.read_at(start, most).decode("utf-8", "replace")
    lines = parse.whole_lines(text, start == 0)
    return ("[its last line is longer than the limit, left out]\n" if lines is None else lines), start == 0


def _unpacked_end(log: log_files.OpenLog, most: int) -> tuple[str, bool]:
    if log.packing != "gz" or log.size > PACKED_BYTES:
        return f"[packed as {log.packing} with {log.size} bytes, left out]\n", False
    kept: collections.deque[bytes] = collections.deque()
    size, dropped, torn = 0, False, ""
    try:
        for piece in log.unpacked():
            kept.append(piece)
            size += len(piece)
            while size - len(kept[0]) > most:
                size -= len(kept.popleft())
                dropped = True
    except log_files.Torn as exc:
        torn = f"[{exc}]\n"
    data = b"".join(kept)
    dropped = dropped or len(data) > most
    lines = parse.whole_lines(data[-most:].decode("utf-8", "replace"), not dropped)
    return ("[its last line is longer than the limit, left out]\n" if lines is None else lines) + torn, not dropped


def given(tails: Tails, paths: t.Sequence[str]) -> t.Callable[[Sink, float], None]:
    """The logs the operator named."""
    def collect(sink: Sink, _seconds: float) -> None:
        for path in paths:
            # where there is no nginx, nothing is missing
            if path not in USUAL or os.path.isdir(os.path.dirname(path)):
                tails.take(sink, path)
    return collect
