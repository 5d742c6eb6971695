# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Tables and indexes as the server tells them, and how much of them is air."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from .bloat_judge import btree_bytes, columns_of, heap_bytes
from .facts import Row

# what REINDEX CONCURRENTLY calls the copy it makes, and the one it has replaced
_COPY = re.compile(r"_cc(new|old)\d*\Z")


@dataclasses.dataclass(frozen=True)
class Table:
    """One table; ages are None for one that only has partitions, seconds None when it never happened."""

    oid: int
    schema: str
    name: str
    quoted: str
    partitioned: bool
    system: bool
    locked: bool
    rows: float
    live: int
    dead: int
    toast_dead: int
    modified: int
    inserted: int
    vacuumed_seconds: t.Optional[float]
    analyzed_seconds: t.Optional[float]
    xid_age: t.Optional[int]
    mxid_age: t.Optional[int]
    heap_bytes: int
    table_bytes: int
    index_bytes: int
    ours: bool
    vacuuming: bool
    needed_bytes: t.Optional[int]

    @property
    def count(self) -> float:
        """About how many rows there are."""
        return max(float(self.live), self.rows, 0.0)

    @property
    def wasted(self) -> t.Optional[int]:
        """About how many of its bytes hold nothing; None when that is not known."""
        return None if self.needed_bytes is None else max(0, self.heap_bytes - self.needed_bytes)


@dataclasses.dataclass(frozen=True)
class Index:
    """One index; ``needed_bytes`` is what it would have if it were built anew, None when that is not known."""

    oid: int
    table: int
    schema: str
    name: str
    quoted: str
    of: str
    toast: bool
    method: str
    rows: float
    locked: bool
    bytes: int
    unique: bool
    primary: bool
    exclusion: bool
    valid: bool
    identity: bool
    clustered: bool
    attached: bool
    constraint: str
    foreign_key: bool
    scans: int
    scanned_seconds: t.Optional[float]
    shape: tuple[t.Any, ...]
    fillfactor: int
    ours: bool
    owned: bool
    building: bool
    tablespace: str
    needed_bytes: t.Optional[int] = None
    method_of_bloat: str = "unknown"

    @property
    def wasted(self) -> t.Optional[int]:
        """How many of its bytes hold nothing; None when that is not known."""
        return None if self.needed_bytes is None else max(0, self.bytes - self.needed_bytes)

    @property
    def wasted_percent(self) -> t.Optional[float]:
        """The same as a share of the whole."""
        return None if self.wasted is None else 100 * self.wasted / self.bytes if self.bytes else 0.0

    @property
    def copy(self) -> str:
        """``new`` or ``old`` when its name is that of a copy by REINDEX CONCURRENTLY, else nothing."""
        found = _COPY.search(self.name)
        return found[1] if found else ""


def tables_of(rows: t.Optional[t.Sequence[Row]], block: int) -> list[Table]:
    """The tables as the server tells them."""
    found = []
    for row in rows or ():
        fields = {name: value for name, value in row.items() if name not in ("columns", "fillfactor")}
        needed = None
        if not row["partitioned"] and not row["system"]:
            needed = heap_bytes(row["rows"], columns_of(row["columns"]), row["fillfactor"], block)
        found.append(Table(needed_bytes=needed, **fields))
    return found


def indexes_of(rows: t.Optional[t.Sequence[Row]], block: int) -> list[Index]:
    """The indexes as the server tells them, B-trees with an estimate."""
    found = []
    for row in rows or ():
        fields = {name: value for name, value in row.items() if name not in ("columns", "deduplicates", "shape")}
        needed = None
        if row["method"] == "btree" and row["valid"]:
            needed = btree_bytes(row["rows"], columns_of(row["columns"]), row["fillfactor"], block,
                                 deduplicates=row["deduplicates"])
        found.append(Index(shape=tuple(row["shape"]), needed_bytes=needed,
                           method_of_bloat="unknown" if needed is None else "estimated", **fields))
    return found
