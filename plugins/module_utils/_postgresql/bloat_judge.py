# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""How large a table or B-tree would be if it were built anew, worked out from the statistics.

Derived from PostgreSQL's manual, "Database Page Layout" (headers, line pointers, alignment) and "B-Tree Implementation"
(high keys, fill of leaf and inner pages, deduplication), and from the sizes that CREATE INDEX itself uses.
"""

from __future__ import annotations

import dataclasses
import math
import typing as t

_PAGE_HEADER = 24
_LINE_POINTER = 4
_BTREE_SPECIAL = 16
_HEAP_HEADER = 23
_INDEX_HEADER = 8
_TID = 6
_INNER_FILL_PERCENT = 70
_POSTING_PERCENT = 10  # of a page: how large CREATE INDEX lets one list of equal keys grow
_ALIGNMENT = {"c": 1, "s": 2, "i": 4, "d": 8}
_SHORT = 127  # a varying value below this has a header of one byte and is not aligned


@dataclasses.dataclass(frozen=True)
class Column:
    """One column as it is stored: its fixed length or -1, its alignment, and what the statistics know of it."""

    length: int
    align: str
    width: t.Optional[float]
    nulls: t.Optional[float]
    distinct: t.Optional[float]


def columns_of(rows: t.Optional[t.Sequence[t.Sequence[t.Any]]]) -> tuple[Column, ...]:
    """The columns as the server tells them."""
    return tuple(Column(*row) for row in rows or ())


def heap_bytes(rows: float, columns: t.Sequence[Column], fillfactor: int, block: int) -> t.Optional[int]:
    """The bytes of a table that was just written; None when the statistics do not say."""
    data = _data(columns)
    if rows < 0 or data is None:
        return None
    bitmap = math.ceil(len(columns) / 8) if any(column.nulls for column in columns) else 0
    row = _LINE_POINTER + _up(_up(_HEAP_HEADER + bitmap, 8) + data, 8)
    room = block - _PAGE_HEADER - block * (100 - fillfactor) / 100
    return math.ceil(rows / max(1, math.floor(room / row))) * block


def btree_bytes(rows: float, columns: t.Sequence[Column], fillfactor: int, block: int, *,
                deduplicates: bool) -> t.Optional[int]:
    """The bytes of a B-tree that was just built; None when the statistics do not say."""
    data = _data(columns)
    if rows < 0 or data is None:
        return None
    header = 2 * _INDEX_HEADER if any(column.nulls for column in columns) else _INDEX_HEADER
    entry = _up(header + data, 8)
    room = block - _PAGE_HEADER - _BTREE_SPECIAL - block * (100 - fillfactor) / 100
    room -= _LINE_POINTER + entry  # the high key
    leaf = rows * (_LINE_POINTER + entry)
    if deduplicates:
        leaf = min(leaf, _with_lists(rows, _distinct(rows, columns), entry, block))
    pages = level = max(1, math.ceil(leaf / room))
    fan = max(2, math.floor((block - _PAGE_HEADER - _BTREE_SPECIAL) * _INNER_FILL_PERCENT / 100
                            / (_LINE_POINTER + entry)))
    while level > 1:
        level = math.ceil(level / fan)
        pages += level
    return (pages + 1) * block


def measured_bytes(found: t.Mapping[str, t.Any], fillfactor: int, block: int) -> int:
    """The bytes a B-tree would have by what pgstattuple measured in it."""
    density = found["avg_leaf_density"]
    share = 0.0 if density is None or math.isnan(float(density)) else min(1.0, float(density) / fillfactor)
    leaf, inner = int(found["leaf_pages"]) * share, int(found["internal_pages"]) * share
    return block * (math.ceil(leaf) + math.ceil(inner) + 1)


def _with_lists(rows: float, distinct: float, entry: float, block: int) -> float:
    """Equal keys are kept once, with a list of the rows they point to."""
    each = rows / distinct if distinct else 0.0
    if each < 2:
        return rows * (_LINE_POINTER + entry)
    longest = max(2, math.floor((block * _POSTING_PERCENT / 100 - _LINE_POINTER - entry) / _TID))
    lists = math.ceil(each / longest)
    return distinct * lists * (_LINE_POINTER + _up(entry + _TID * each / lists, 8))


def _distinct(rows: float, columns: t.Sequence[Column]) -> float:
    """How many different keys there are at most: columns that depend on each other have fewer."""
    keys = 1.0
    for column in columns:
        number = column.distinct or 0.0
        keys *= max(1.0, -number * rows if number < 0 else number or rows)
    return min(rows, keys)


def _data(columns: t.Sequence[Column]) -> t.Optional[float]:
    """The bytes of the values of a usual row with what aligns them."""
    at = 0.0
    for column in columns:
        if column.width is None or column.nulls is None:
            return None
        if column.length > 0 or column.width >= _SHORT:
            at = _up(at, _ALIGNMENT[column.align]) if not column.nulls else at
        at += column.width * (1 - column.nulls)
    return at if columns else None


def _up(number: float, to: int) -> float:
    return math.ceil(number / to) * to
