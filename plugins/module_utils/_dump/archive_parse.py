# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""What is inside a dump: its kind by the first bytes, and the rows of each table in its SQL text (pure)."""

from __future__ import annotations

import re
import typing as t
import zlib

CUSTOM, SQL, GZIP, AGE, UNKNOWN = "custom", "sql", "gzip", "age", "unknown"
PACKED = frozenset({GZIP, AGE})
SNIFF_BYTES = 4096

Table = tuple[str, str]  # schema, name

_SQL_STARTS = (b"--", b"/*", b"\\restrict", b"SET ", b"BEGIN", b"CREATE ", b"SELECT ", b"DROP ", b"COPY ")
_END = b"\\.\n"
_COPY_LIMIT = 1024 * 1024
_NAME = re.compile(r'"((?:[^"]|"")*)"|([^".\s(]+)', re.DOTALL)
# what psql itself would carry out; \restrict and \unrestrict stand in every dump of newer versions
_HARMLESS = re.compile(rb"\\(un)?restrict( |$)")


def kind(head: bytes) -> str:
    """What these first bytes belong to."""
    if head.startswith(b"PGDMP"):
        return CUSTOM
    if head.startswith(b"\x1f\x8b\x08"):
        return GZIP
    if head.startswith(b"age-encryption.org/v1\n"):
        return AGE
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    return SQL if text.startswith(_SQL_STARTS) and b"\0" not in head else UNKNOWN


def kinds(head: bytes) -> tuple[str, ...]:
    """The layers of a dump from the outside: ``(gzip, custom)``; what is encrypted cannot be looked into."""
    outer = kind(head)
    if outer != GZIP:
        return (outer,)
    try:
        inside = zlib.decompressobj(wbits=31).decompress(head, SNIFF_BYTES)
    except zlib.error:
        return (outer, UNKNOWN)
    return (outer, kind(inside))


class Rows:
    """Counts the rows that a dump's SQL text brings for each table; the text comes in pieces of any size.

    ``strict`` is for text that holds nothing but data: there a name with ``;`` and a line feed in it is understood too.
    """

    def __init__(self, strict: bool) -> None:
        self.tables: dict[Table, int] = {}
        self.commands: list[str] = []  # of psql itself
        self._strict = strict
        self._rest = b""
        self._table: t.Optional[Table] = None
        self._inside = False  # a row that began in an earlier piece
        self._copy = b""

    def feed(self, piece: bytes) -> None:
        """The next piece."""
        text = self._rest + piece
        at = 0
        while at < len(text):
            after = self._rows(text, at, self._table) if self._table else self._words(text, at)
            if after < 0:
                break
            at = after
        self._rest = text[at:]
        if self._table and not _END.startswith(self._rest):  # a row without its end: its bytes are not needed
            self._inside, self._rest = True, b""

    def unfinished(self) -> bool:
        """Whether the text ended within a table."""
        return self._table is not None

    def _rows(self, text: bytes, at: int, table: Table) -> int:
        if not self._inside and text.startswith(_END, at):
            self._table = None
            return at + len(_END)
        if self._inside:
            end = text.find(b"\n", at)
            if end < 0:
                return len(text)
            self._inside = False
            self.tables[table] += 1
            return end + 1
        stop = text.find(b"\n" + _END, at)
        if stop < 0:
            stop = text.rfind(b"\n", at)
        if stop < 0:
            return -1
        self.tables[table] += text.count(b"\n", at, stop + 1)
        return stop + 1

    def _words(self, text: bytes, at: int) -> int:
        end = text.find(b"\n", at)
        if end < 0:
            return -1
        line = self._copy + text[at:end]
        self._copy = b""
        if line.startswith(b"COPY "):
            if line.endswith(b" FROM stdin;"):
                self._table = copied(line.decode("utf-8", "surrogateescape"))
                self.tables.setdefault(self._table, 0)
            elif len(line) < _COPY_LIMIT and (self._strict or not line.endswith(b";")):
                self._copy = line + b"\n"
        elif line.startswith(b"\\") and not _HARMLESS.match(line):
            self.commands.append(line[:80].decode("utf-8", "replace"))
        return end + 1


def copied(line: str) -> Table:
    """Whose rows follow a line ``COPY "s"."t" (a, b) FROM stdin;``."""
    names = []
    at = len("COPY ")
    while True:
        found = _NAME.match(line, at)
        if not found:
            break
        names.append(found[2] if found[1] is None else found[1].replace('""', '"'))
        at = found.end()
        if line[at:at + 1] != ".":
            break
        at += 1
    return (names[0], names[1]) if len(names) > 1 else ("", names[0] if names else "")


def header(listing: str) -> dict[str, str]:
    """The head of ``pg_restore --list``: ``dbname``, ``dumped from database version`` and others, in small letters."""
    found = {}
    for line in listing.splitlines():
        if not line.startswith(";"):
            break
        name, separator, value = line[1:].strip().partition(": ")
        if separator:
            found[name.lower()] = value.strip()
    return found


def listed(listing: str) -> int:
    """How many tables with data ``pg_restore --list`` names."""
    return sum(" TABLE DATA " in line for line in listing.splitlines() if not line.startswith(";"))
