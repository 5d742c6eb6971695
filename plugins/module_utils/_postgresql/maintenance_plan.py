# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""What maintenance a database needs, in which order, and what is left alone and why: values in, values out."""

from __future__ import annotations

import dataclasses
import fnmatch
import typing as t

from .._core.limits import counted, show, size
from .maintenance_facts import Index, Table


@dataclasses.dataclass(frozen=True)
class Limits:
    """From when on something needs maintenance, and what is meant at all."""

    schemas: t.Sequence[str]
    exclude: t.Sequence[str]
    always: t.Sequence[str]
    dead_percent: float
    dead_rows: int
    analyze_percent: float
    freeze_percent: float
    bloat_percent: float
    bloat_bytes: int

    def means(self, schema: str, quoted: str, name: str) -> bool:
        """Whether an object is meant; patterns hold for its quoted name and for ``schema.name``."""
        wanted = not self.schemas or any(fnmatch.fnmatchcase(schema, one) for one in self.schemas)
        return wanted and not _like(self.exclude, quoted, f"{schema}.{name}")


@dataclasses.dataclass(frozen=True)
class Server:
    """What of the server matters for the plan."""

    superuser: bool
    standby: bool
    freeze_max_age: int
    mxid_freeze_max_age: int


@dataclasses.dataclass(frozen=True)
class Work:
    """One object and what is done to it; with ``skip`` nothing, for that reason."""

    what: str
    object: str
    oid: int
    table: int
    why: str
    bytes: int
    sql: str = ""
    skip: str = ""
    wasted: int = 0
    tablespace: str = ""


def vacuum_plan(tables: t.Sequence[Table], server: Server, limits: Limits, parallel: int) -> list[Work]:
    """The tables that need it, the most urgent first."""
    found: list[tuple[tuple[float, float], Work]] = []
    for table in tables:
        if not limits.means(table.schema, table.quoted, table.name):
            continue
        frozen = _ages(table, server, limits)
        dead = _dead(table, limits)
        analyze = _analyze(table, limits)
        reasons = [why for why in (frozen, *dead, analyze) if why]
        if not reasons:
            continue
        what = "vacuum" if frozen or dead else "analyze"
        words = ["ANALYZE"] if analyze or dead else []
        # never TRUNCATE: what it cuts off at the end it cuts off under a lock that stops everybody, replicas too
        words += ["TRUNCATE false", f"PARALLEL {parallel}"] if what == "vacuum" else []
        words += ["FREEZE"] if frozen else []
        sql = f"VACUUM ({', '.join(words)}) {table.quoted}" if what == "vacuum" else f"ANALYZE {table.quoted}"
        urgent = max(table.xid_age or 0, table.mxid_age or 0) if frozen else 0
        found.append(((-urgent, -(table.dead + table.toast_dead)), Work(
            what, table.quoted, table.oid, table.oid, "; ".join(reasons), table.table_bytes, sql,
            _vacuum_skip(table))))
    return [work for dummy, work in sorted(found, key=lambda one: one[0])]


def reindex_plan(indexes: t.Sequence[Index], server: Server, limits: Limits) -> list[Work]:
    """The indexes that are bloated, the one that gives back most first."""
    found = []
    for index in indexes:
        if not index.valid or not limits.means(index.schema, index.quoted, index.name):
            continue
        wasted, percent = index.wasted or 0, index.wasted_percent or 0.0
        named = _like(limits.always, index.quoted, f"{index.schema}.{index.name}")
        bloated = wasted >= limits.bloat_bytes and percent >= limits.bloat_percent
        if not bloated and not named:
            continue
        why = f"{size(wasted)} of {size(index.bytes)} hold nothing ({show(percent)} %, {index.method_of_bloat})"
        found.append(Work("reindex", index.quoted, index.oid, index.table, why if bloated else "asked for", index.bytes,
                          f"REINDEX INDEX CONCURRENTLY {index.quoted}", _reindex_skip(index, server), wasted,
                          index.tablespace))
    return sorted(found, key=lambda work: (-work.wasted, -work.bytes, work.object))


def removal(index: Index) -> Work:
    """Take away what a broken reindexing of ours has left."""
    return Work("remove", index.quoted, index.oid, index.table, "left by a reindexing of ours that was broken off",
                index.bytes, f"DROP INDEX CONCURRENTLY IF EXISTS {index.quoted}", "", index.bytes)


@dataclasses.dataclass(frozen=True)
class Begun:
    """The reindexing that was begun last, as its journal says: what there was before, and what it made."""

    system: str
    database: int
    index: int
    table: int
    object: str
    before: tuple[int, ...]
    pid: int
    started: int
    at: str
    created: t.Optional[int] = None


def leftovers(indexes: t.Sequence[Index], begun: t.Optional[Begun]) -> tuple[list[Index], list[Index]]:
    """The invalid copies of a reindexing that was broken off: those that are ours for sure, and all others.

    Ours is the copy that our own session was seen to make, and the original that our copy has replaced. A name proves
    nothing: REINDEX CONCURRENTLY of anybody else makes the same names.
    """
    ours: list[Index] = []
    others: list[Index] = []
    for index in indexes:
        if index.valid or not index.copy:
            continue
        mine = (begun is not None and index.table == begun.table and not index.building and (
            (index.copy == "new" and index.oid == begun.created and index.oid not in begun.before)
            or (index.copy == "old" and index.oid == begun.index)))
        (ours if mine else others).append(index)
    return ours, others


def _ages(table: Table, server: Server, limits: Limits) -> str:
    for age, most, what in ((table.xid_age, server.freeze_max_age, "transaction ids"),
                            (table.mxid_age, server.mxid_freeze_max_age, "multixact ids")):
        percent = 100 * (age or 0) / most
        if percent >= limits.freeze_percent:
            return f"its {what} are {age} old, {show(percent)} % of what makes the server freeze them by force"
    return ""


def _dead(table: Table, limits: Limits) -> list[str]:
    if table.partitioned:
        return []
    reasons = []
    dead, all_of_them = table.dead + table.toast_dead, table.count + table.dead + table.toast_dead
    if dead >= limits.dead_rows and 100 * dead >= limits.dead_percent * all_of_them:
        reasons.append(f"{counted(dead, 'dead row')} of {all_of_them:.0f}")
    if table.inserted >= limits.dead_rows and table.inserted * 100 >= 2 * limits.dead_percent * all_of_them:
        reasons.append(f"{counted(table.inserted, 'new row')} since the last VACUUM")
    return reasons


def _analyze(table: Table, limits: Limits) -> str:
    if table.system:
        return ""
    if table.analyzed_seconds is None:
        return "never analyzed as far as is known" if table.heap_bytes or table.partitioned else ""
    if table.modified >= limits.dead_rows and 100 * table.modified >= limits.analyze_percent * table.count:
        return f"{counted(table.modified, 'row')} changed since the last ANALYZE"
    return ""


def _vacuum_skip(table: Table) -> str:
    if not table.ours:
        return "not ours to vacuum: log in as its owner or a superuser, or GRANT MAINTAIN (PostgreSQL 17)"
    if table.vacuuming:
        return "a VACUUM works on it already"
    if table.locked:
        return "somebody holds it exclusively"
    return ""


def _reindex_skip(index: Index, server: Server) -> str:
    if index.exclusion:
        return "an exclusion constraint cannot be reindexed without blocking writers"
    if index.toast and not server.superuser:
        return "only a superuser can remove what a broken reindexing of a TOAST table leaves"
    if not index.owned:
        return "not ours to reindex: log in as its owner or a superuser"
    if index.building:
        return "somebody works on it already"
    if index.locked:
        return "somebody holds it exclusively"
    return ""


def _like(patterns: t.Sequence[str], *names: str) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns for name in names)
