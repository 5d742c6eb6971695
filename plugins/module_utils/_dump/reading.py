# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Read a whole dump, whatever it is packed in: what is in it, and whether all of it is there."""

from __future__ import annotations

import dataclasses
import os
import typing as t
import zlib

from .._backup.dumps import TAIL_BYTES
from .._core.errors import CannotLook, OpsError
from .archive_parse import AGE, CUSTOM, GZIP, SNIFF_BYTES, SQL, Rows, Table, header, kind, listed
from .programs import Programs, environment, find_program
from .stream import PIECE_BYTES, Hash, Pipeline, Program, Sink
from .trouble import explain

_SLICE_BYTES = 16 * 1024  # gzip makes at most a thousand times as much of it


@dataclasses.dataclass
class Content:
    """What a dump turned out to be."""

    kinds: list[str] = dataclasses.field(default_factory=list)  # from the outside, such as gzip, custom
    tables: dict[Table, int] = dataclasses.field(default_factory=dict)
    header: dict[str, str] = dataclasses.field(default_factory=dict)
    commands: list[str] = dataclasses.field(default_factory=list)  # of psql, in a dump of SQL
    sha256: str = ""
    size: int = 0


class Damaged(OpsError):
    """The dump is not whole."""


class Opened:
    """A sink that looks at the first bytes and then sends everything where this kind belongs."""

    def __init__(self, choose: t.Callable[[str], t.Sequence[Sink]]) -> None:
        self._choose = choose
        self._head = b""
        self._sinks: t.Optional[list[Sink]] = None

    def write(self, piece: bytes) -> None:
        if self._sinks is None:
            self._head += piece
            if len(self._head) < SNIFF_BYTES:
                return
            self._sinks = list(self._choose(kind(self._head[:SNIFF_BYTES])))
            piece = self._head
        _pass(piece, self._sinks)

    def close(self) -> None:
        if self._sinks is None:
            if not self._head:
                raise Damaged("it is empty")
            self._sinks = list(self._choose(kind(self._head)))
            _pass(self._head, self._sinks)
        for sink in self._sinks:
            sink.close()


def _pass(piece: bytes, sinks: list[Sink]) -> None:
    """A program that wants no more gets no more, but what is before it is read on: its sum counts."""
    for sink in list(sinks):
        try:
            sink.write(piece)
        except BrokenPipeError:
            sink.close()
            sinks.remove(sink)


class Unpacked:
    """A sink that unpacks gzip for the next one, member after member."""

    def __init__(self, into: Sink) -> None:
        self._into = into
        self._gzip = zlib.decompressobj(wbits=31)
        self._begun = False

    def write(self, piece: bytes) -> None:
        for at in range(0, len(piece), _SLICE_BYTES):
            try:
                self._unpack(piece[at:at + _SLICE_BYTES])
            except zlib.error as exc:
                raise Damaged(f"it is damaged: it does not unpack ({exc})") from exc

    def _unpack(self, piece: bytes) -> None:
        while piece:
            if self._gzip.eof:
                if not piece.strip(b"\0"):  # padding
                    return
                self._gzip = zlib.decompressobj(wbits=31)
            self._begun = True
            inside = self._gzip.decompress(piece)
            if inside:
                self._into.write(inside)
            piece = self._gzip.unused_data

    def close(self) -> None:
        if self._begun and not self._gzip.eof:
            raise Damaged("it is cut off: its packing has no end")
        self._into.close()


class Text:
    """A sink that reads SQL."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._tail = b""
        self._dumped = False  # whether pg_dump made it, which says so at the beginning and at the end
        self._first = True

    def write(self, piece: bytes) -> None:
        if self._first:
            self._first, self._dumped = False, b"PostgreSQL database" in piece[:SNIFF_BYTES]
        self._rows.feed(piece)
        self._tail = (self._tail + piece[-TAIL_BYTES:])[-TAIL_BYTES:]

    def close(self) -> None:
        if self._rows.unfinished() or (self._dumped and b"dump complete" not in self._tail):
            raise Damaged("it is cut off: its last line is missing")


class Examination:
    """The programs and counters that look at a dump while it flows by."""

    def __init__(self, pipeline: Pipeline, programs: Programs, identity_file: t.Optional[str]) -> None:
        self.content = Content()
        self._pipeline, self._programs, self._identity = pipeline, programs, identity_file
        self._watched: list[Program] = []
        self._list: t.Optional[_Kept] = None
        self._rows: t.Optional[Rows] = None

    def sink(self) -> Opened:
        """Where the dump must flow."""
        return Opened(self._choose)

    def result(self) -> Content:
        """After the flow: what was seen. Damaged when a program says it is not whole."""
        for program in self._watched:
            if program.code:
                raise Damaged(f"{program.name} cannot read it: {explain(program.said)}")
        if self._rows is not None:
            self.content.tables = self._rows.tables
            self.content.commands = self._rows.commands
        if self._list is not None:
            listing = self._list.data.decode("utf-8", "replace")
            self.content.header = header(listing)
            if listed(listing) != len(self.content.tables):
                raise Damaged(f"it is damaged: its table of contents names {listed(listing)} tables with data, and "
                              f"{len(self.content.tables)} are in it")
        return self.content

    def _choose(self, what: str) -> list[Sink]:
        self.content.kinds.append(what)
        if what == GZIP and len(self.content.kinds) < 3:
            return [Unpacked(self.sink())]
        if what == AGE and AGE not in self.content.kinds[:-1]:
            return [self._decrypt()]
        if what == CUSTOM:
            return self._archive()
        if what == SQL:
            self._rows = Rows(strict=False)
            return [Text(self._rows)]
        raise Damaged("it is neither a PostgreSQL dump nor SQL")

    def _decrypt(self) -> Sink:
        age = decrypting(self._pipeline, self._identity)
        self._watched.append(age)
        self._pipeline.pump(age.read, [self.sink()])
        return age

    def _archive(self) -> list[Sink]:
        restore = self._programs.path("pg_restore")
        listing = self._pipeline.start([restore, "--list"], environment(None), feed=True)
        data = self._pipeline.start([restore, "--data-only", "--file=-"], environment(None), feed=True)
        self._watched += [listing, data]
        self._list, self._rows = _Kept(), Rows(strict=True)
        self._pipeline.pump(listing.read, [self._list])
        self._pipeline.pump(data.read, [_Counted(self._rows)])
        return [listing, data]


def decrypting(pipeline: Pipeline, identity_file: t.Optional[str]) -> Program:
    """age, ready to be fed with what it shall open; CannotLook without the file of the secret key."""
    if not identity_file:
        raise CannotLook("it is encrypted; set identity_file to the file of the secret key")
    if not os.access(identity_file, os.R_OK):
        raise CannotLook(f"the identity_file {identity_file} cannot be read by this user")
    age = find_program("age", "age")
    return pipeline.start([age, "--decrypt", "--identity", identity_file], environment(None), feed=True)


def examine(path: str, programs: Programs, seconds: float, identity_file: t.Optional[str] = None) -> Content:
    """Read a dump from the disk to its last byte; Damaged says why it is none."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as exc:
        raise CannotLook(f"{path} cannot be read: {exc.strerror}") from exc
    try:
        # what was written a moment ago comes from the memory otherwise
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        with Pipeline(seconds, f"reading {os.path.basename(path)}") as pipeline:
            examination, total = Examination(pipeline, programs, identity_file), Hash()
            pipeline.pump(lambda: os.read(handle, PIECE_BYTES), [total, examination.sink()])
            pipeline.finish()
            content = examination.result()
        content.sha256, content.size = total.hex, total.size
        return content
    finally:
        os.close(handle)


def checksum(path: str) -> tuple[str, int]:
    """The check sum and the size of a file, from the disk."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as exc:
        raise CannotLook(f"{path} cannot be read: {exc.strerror}") from exc
    total = Hash()
    try:
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        while True:
            piece = os.read(handle, PIECE_BYTES)
            if not piece:
                return total.hex, total.size
            total.write(piece)
    except OSError as exc:
        raise CannotLook(f"{path} cannot be read: {exc.strerror}") from exc
    finally:
        os.close(handle)


class _Kept:
    """A sink that keeps everything."""

    def __init__(self) -> None:
        self.data = b""

    def write(self, piece: bytes) -> None:
        self.data += piece

    def close(self) -> None:
        """Nothing to do."""


class _Counted:
    """A sink that counts rows."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def write(self, piece: bytes) -> None:
        self._rows.feed(piece)

    def close(self) -> None:
        """pg_restore itself says when something is missing."""
