# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Indexes that nobody may need, that exist twice, or that are broken: advice, with what speaks against it."""

from __future__ import annotations

import typing as t

from .._core.limits import duration, show, size
from .maintenance_facts import Index

Advice = dict[str, t.Any]

_DAY = 86400.0


def unused(indexes: t.Sequence[Index], min_days: float, statistics_seconds: t.Optional[float],
           replicas: int, min_bytes: int = 0) -> list[Advice]:
    """Indexes that were not used since statistics began, when that was long enough ago; largest first.

    Those that do more than answer questions are none: unique ones, those of constraints, the identity of a table for
    replication, and parts of an index over partitions.
    """
    known = statistics_seconds or 0.0
    found = []
    for index in indexes:
        if not index.valid or index.toast or _has_duties(index) or index.bytes < min_bytes:
            continue
        idle = known if not index.scans else index.scanned_seconds
        if idle is None or idle < min_days * _DAY:
            continue
        notes = []
        if replicas:
            notes.append("replicas exist, whose own use of it is not counted here: ask each of them")
        if index.foreign_key:
            notes.append("its first column is that of a foreign key: without it, deleting in the other table reads "
                         "all of this one")
        notes.append("an index that was made since looks the same: see when it was")
        found.append(_advice("unused", index, f"not used for {duration(idle)}", _drop(index), notes))
    return sorted(found, key=lambda one: -one["bytes"])


def too_young(min_days: float, statistics_seconds: t.Optional[float]) -> str:
    """Why nothing can be said about unused indexes; empty when it can."""
    if statistics_seconds is None:
        return "since when use is counted is not known, so none is called unused"
    if statistics_seconds < min_days * _DAY:
        return (f"use has been counted for {duration(statistics_seconds)} only, and {show(min_days)} days are wanted, "
                "so none is called unused")
    return ""


def duplicates(indexes: t.Sequence[Index]) -> list[Advice]:
    """Indexes that another one makes superfluous: the same columns, or the first columns of another."""
    found = []
    by_table: dict[int, list[Index]] = {}
    for index in indexes:
        if index.valid and not index.toast:
            by_table.setdefault(index.table, []).append(index)
    for several in by_table.values():
        dropped: set[int] = set()
        # the largest goes first
        for index in sorted(several, key=lambda one: (one.bytes, one.oid), reverse=True):
            if _has_duties(index):
                continue
            others = [one for one in several if one.oid != index.oid and one.oid not in dropped]
            twin = next((one for one in others if one.shape == index.shape and one.method == index.method), None)
            wider = next((one for one in others if _covers(one, index)), None)
            keeper = twin or wider
            if keeper is None:
                continue
            dropped.add(index.oid)
            why = f"the same as {keeper.quoted}" if twin else f"the first columns of {keeper.quoted}"
            notes = [] if twin else ["the wider one is slower to read where this one is used much"]
            found.append(_advice("duplicate", index, why, _drop(index), notes))
    return sorted(found, key=lambda one: -one["bytes"])


def invalid(indexes: t.Sequence[Index], ours: t.Sequence[Index]) -> list[Advice]:
    """Indexes that cost every writer and help no reader, and that nobody builds at this moment."""
    mine = {index.oid for index in ours}
    found = []
    for index in indexes:
        if index.valid or index.building:
            continue
        if index.oid in mine:
            found.append(_advice("invalid", index, "left by a reindexing of ours that was broken off", "",
                                 ["the next reindexing removes it"]))
        elif index.copy:
            found.append(_advice("invalid", index, "left by somebody's REINDEX CONCURRENTLY that was broken off",
                                 _drop(index), ["nothing proves that it is ours"]))
        else:
            found.append(_advice("invalid", index, "a CREATE INDEX CONCURRENTLY that was broken off or found rows that "
                                 "are not unique", f"REINDEX INDEX CONCURRENTLY {index.quoted}",
                                 ["or DROP INDEX CONCURRENTLY, when nobody wants it any more"]))
    return found


def _drop(index: Index) -> str:
    return f"DROP INDEX CONCURRENTLY {index.quoted}"


def _has_duties(index: Index) -> bool:
    return bool(index.unique or index.primary or index.exclusion or index.constraint or index.identity
                or index.clustered or index.attached)


def _covers(wide: Index, narrow: Index) -> bool:
    """Whether an index begins with all columns of another, in the same order and for the same rows."""
    if wide.method != "btree" or narrow.method != "btree" or wide.exclusion:
        return False
    w_keys, w_classes, w_collations, w_options, w_expressions, w_predicate, w_count = wide.shape
    n_keys, n_classes, n_collations, n_options, n_expressions, n_predicate, n_count = narrow.shape
    if w_predicate != n_predicate or w_expressions or n_expressions or n_count >= w_count:
        return False
    if len(n_keys.split()) != n_count:  # columns that are only carried along
        return False
    return all(wider.split()[:n_count] == given.split()[:n_count] for wider, given in (
        (w_keys, n_keys), (w_classes, n_classes), (w_collations, n_collations), (w_options, n_options)))


def _advice(kind: str, index: Index, why: str, statement: str, notes: list[str]) -> Advice:
    return {"kind": kind, "index": index.quoted, "table": index.of, "bytes": index.bytes, "scans": index.scans,
            "why": why, "statement": statement, "notes": notes,
            "text": f"{index.quoted} of {index.of} ({size(index.bytes)}): {why}"}
