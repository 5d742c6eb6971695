# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Reading log files: without a trace, without following them, whatever they turn out to be."""

from __future__ import annotations

import errno
import glob
import os
import stat
import typing as t
import zlib

from .._core.errors import CannotLook
from .names import base_name, packing, siblings
from .scan import BACK_BYTES

CHUNK = 512 * 1024
# More files than that behind one pattern are a mistake in the pattern.
MATCHES = 2000
_KINDS = ((stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"),
          (stat.S_ISCHR, "a device"), (stat.S_ISBLK, "a device"))
_SEEK_DATA = getattr(os, "SEEK_DATA", None)


class Torn(Exception):
    """A compressed log ends early or is damaged; what came before it was delivered."""


class Entry(t.NamedTuple):
    """A file of a log as the folder shows it."""

    path: str
    size: int
    changed: float
    identity: tuple[int, int]


def expand(pattern: str) -> list[str]:
    """The logs a path or pattern means, each by the name it has before rotation; CannotLook when there is none."""
    if not glob.has_magic(pattern):
        return [_before_rotation(os.path.realpath(pattern))]
    found = [path for path in glob.glob(pattern) if not os.path.isdir(path)]
    if not found:
        raise CannotLook("no file matches, or the folder must not be read by this user")
    if len(found) > MATCHES:
        raise CannotLook(f"{len(found)} files match, more than {MATCHES}; give a narrower pattern")
    return sorted({_before_rotation(os.path.realpath(path)) for path in found})


def _before_rotation(path: str) -> str:
    folder, name = os.path.split(path)
    return os.path.join(folder, base_name(name))


def family(path: str) -> list[Entry]:
    """A log and what it was rotated to, newest first; CannotLook when there is nothing that can be read."""
    folder, base = os.path.split(path)
    try:
        names = os.listdir(folder)
    except OSError as exc:
        # a folder that may be entered but not listed still gives a file whose name is known
        if exc.errno != errno.EACCES or not os.path.exists(path):
            raise CannotLook(reason(exc)) from exc
        names = [base]
    entries = []
    for name in siblings(base, names):
        entry = _entry(os.path.join(folder, name), must=name == base)
        if entry is not None:
            entries.append(entry)
    if not entries:
        raise CannotLook("the file does not exist")
    return sorted(entries, key=lambda entry: -entry.changed)


def _entry(path: str, must: bool) -> t.Optional[Entry]:
    try:
        seen = os.stat(path)
        _must_be_regular(seen.st_mode)
    except OSError as exc:
        if must:
            raise CannotLook(reason(exc)) from exc
        return None  # rotated away meanwhile
    except CannotLook:
        if must:
            raise
        return None
    return Entry(path, seen.st_size, seen.st_mtime, (seen.st_dev, seen.st_ino))


def _must_be_regular(mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = next((word for test, word in _KINDS if test(mode)), "something else")
        raise CannotLook(f"it is {kind}, not a file; it was skipped")


def reason(exc: OSError) -> str:
    """Why the system would not give a file, and what to do."""
    if exc.errno in (errno.EACCES, errno.EPERM):
        return "this user must not read it; add the user to the group of the log or use become"
    if exc.errno == errno.ENOENT:
        return "the file does not exist"
    if exc.errno == errno.ELOOP:
        return "its symbolic links go in a circle; it was skipped"
    return exc.strerror or str(exc)


class OpenLog:
    """An open log file: what it was at the moment of opening is all that is read."""

    def __init__(self, path: str) -> None:
        """Open for reading without waiting (a pipe) and without touching the access time; CannotLook says why not."""
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        try:
            self._fd = _open(path, flags)
        except OSError as exc:
            raise CannotLook(reason(exc)) from exc
        seen = os.fstat(self._fd)
        self.identity = (seen.st_dev, seen.st_ino)
        self.size = seen.st_size
        self.packing = packing(path)
        try:
            _must_be_regular(seen.st_mode)
        except CannotLook:
            self.close()
            raise

    def close(self) -> None:
        os.close(self._fd)

    def __enter__(self) -> OpenLog:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def read_at(self, offset: int, length: int) -> bytes:
        """So many bytes from there, fewer at the end."""
        return os.pread(self._fd, max(0, min(length, self.size - offset)), offset)

    def before(self, offset: int) -> bytes:
        """What stands before a place, as far back as a record may begin."""
        start = max(0, offset - BACK_BYTES)
        return os.pread(self._fd, offset - start, start)

    def data_from(self, offset: int) -> int:
        """Where the next bytes are that really exist: holes of a sparse file are skipped."""
        if _SEEK_DATA is None:
            return offset
        try:
            return max(offset, min(self.size, os.lseek(self._fd, offset, _SEEK_DATA)))
        except OSError as exc:
            return self.size if exc.errno == errno.ENXIO else offset

    def fileno(self) -> int:
        """The descriptor, for a program that reads it."""
        return self._fd

    def chunks(self, start: int) -> t.Iterator[bytes]:
        """The bytes from there to the end that the file had when it was opened."""
        while start < self.size:
            start = self.data_from(start)
            chunk = self.read_at(start, CHUNK)
            if not chunk:
                return  # truncated while we read
            start += len(chunk)
            yield chunk

    def unpacked(self) -> t.Iterator[bytes]:
        """The text of a gzip file, piece by piece, also of one made of several; Torn when it is damaged."""
        unpack = zlib.decompressobj(wbits=31)
        try:
            for chunk in self.chunks(0):
                packed = chunk
                while packed:
                    if unpack.eof:
                        packed = packed.lstrip(b"\0")  # padding
                        if not packed:
                            break
                        unpack = zlib.decompressobj(wbits=31)
                    yield unpack.decompress(packed, CHUNK)
                    packed = unpack.unused_data if unpack.eof else unpack.unconsumed_tail
        except zlib.error as exc:
            raise Torn(f"it is damaged ({exc})") from exc
        if not unpack.eof and self.size:
            raise Torn("it ends in the middle")


def _open(path: str, flags: int) -> int:
    try:
        return os.open(path, flags | getattr(os, "O_NOATIME", 0))
    except PermissionError:
        return os.open(path, flags)  # the access time is only the owner's to keep
