# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Maintenance in words: the plan, what was done, and what was found."""

from __future__ import annotations

import typing as t

from .._core.limits import counted, duration, show, size
from .maintenance_facts import Index, Table
from .maintenance_plan import Work

Result = t.Mapping[str, t.Any]

_VERBS = {"vacuum": "VACUUM", "analyze": "ANALYZE", "reindex": "REINDEX CONCURRENTLY",
          "remove": "DROP INDEX CONCURRENTLY"}
_DONE = (("vacuum", "table vacuumed", "tables vacuumed"), ("analyze", "table analyzed", "tables analyzed"),
         ("reindex", "index built anew", "indexes built anew"), ("remove", "leftover removed", "leftovers removed"))
_PLANNED = (("vacuum", "table would be vacuumed", "tables would be vacuumed"),
            ("analyze", "table would be analyzed", "tables would be analyzed"),
            ("reindex", "index would be built anew", "indexes would be built anew"),
            ("remove", "leftover would be removed", "leftovers would be removed"))


def work_row(work: Work) -> dict[str, t.Any]:
    """One entry of the plan."""
    return {"what": work.what, "object": work.object, "why": work.why, "bytes": work.bytes, "statement": work.sql,
            "skipped": work.skip}


def done_row(work: Work, state: str, note: str) -> dict[str, t.Any]:
    """What became of one entry of the plan."""
    return {"what": work.what, "object": work.object, "why": work.why, "state": state, "note": note, "seconds": 0.0,
            "bytes_before": work.bytes, "bytes_after": work.bytes, "attempts": 1}


def table_row(table: Table) -> dict[str, t.Any]:
    """One table with its sizes."""
    return {"table": table.quoted, "bytes": table.table_bytes + table.index_bytes, "table_bytes": table.table_bytes,
            "index_bytes": table.index_bytes, "rows": round(table.count), "dead_rows": table.dead + table.toast_dead,
            "wasted_bytes": table.wasted, "vacuumed_seconds": _rounded(table.vacuumed_seconds),
            "analyzed_seconds": _rounded(table.analyzed_seconds), "xid_age": table.xid_age, "mxid_age": table.mxid_age}


def bloat_row(index: Index) -> dict[str, t.Any]:
    """One index with what of it is air."""
    return {"index": index.quoted, "table": index.of, "bytes": index.bytes, "wasted_bytes": index.wasted,
            "wasted_percent": None if index.wasted_percent is None else round(index.wasted_percent, 1),
            "method": index.method_of_bloat}


def plan_lines(todo: t.Sequence[Work]) -> str:
    """The plan as text, for a diff."""
    return "".join(f"{_VERBS[work.what]} {work.object}: {work.why}\n" for work in todo)


def plan_report(plan: t.Sequence[t.Mapping[str, t.Any]]) -> list[str]:
    """The plan, a line for each object."""
    return [f"{number}. {_VERBS[row['what']]} {row['object']} ({size(row['bytes'])}): "
            + (f"left alone, {row['skipped']}" if row["skipped"] else row["why"]) for number, row in enumerate(plan, 1)]


def said(result: Result, *, act: bool) -> str:
    """All of it in one sentence."""
    if not act:
        todo = [row for row in result["plan"] if not row["skipped"]]
        left = len(result["plan"]) - len(todo)
        words = _counts(todo, _PLANNED) or "nothing needs maintenance"
        return words + (f"; {left} left alone" if left else "")
    done = [row for row in result["done"] if row["state"] == "done"]
    back = sum(max(0, row["bytes_before"] - row["bytes_after"]) for row in done)
    rest = [row for row in result["done"] if row["state"] == "failed"] + \
        [row for row in result["done"] if row["state"] == "skipped"]
    words = _counts(done, _DONE)
    if not words and not rest:
        return "nothing needed maintenance"
    words = f"{words} in {duration(result['seconds'])}" if words else "nothing was done"
    words += f", {size(back)} given back" if back else ""
    shown = "; ".join(f"{row['object']}: {row['note']}" for row in rest[:3])
    more = f" and {len(rest) - 3} more" if len(rest) > 3 else ""
    return words + (f"; {len(rest)} not done ({shown}{more})" if rest else "")


def look_report(result: Result) -> list[str]:
    """What was found, a line for each thing, the largest first."""
    lines = [f"{row['table']}: {size(row['bytes'])}, {size(row['index_bytes'])} of it indexes, about {row['rows']} "
             f"rows, {row['dead_rows']} dead" + (f", {size(row['wasted_bytes'])} of the table hold nothing (estimated)"
                                                 if row["wasted_bytes"] else "") for row in result["tables"]]
    lines += [f"{row['index']}: {size(row['wasted_bytes'])} of {size(row['bytes'])} hold nothing "
              f"({show(row['wasted_percent'])} %, {row['method']})" for row in result["bloat"]]
    lines += [row["text"] + (f" -> {row['statement']};" if row["statement"] else "")
              + "".join(f" ({note})" for note in row["notes"]) for row in result["advice"]]
    lines += [f"at work: {row['what']} of {row['object']} (pid {row['pid']}), {row['phase']}"
              + (f", {show(row['percent'])} %" if row["percent"] is not None else "") for row in result["progress"]]
    lines += [f"transaction ids of {row['database']}: {show(row['percent'])} % used" for row in result["wraparound"]]
    lines += [f"{row['what']} keeps dead rows from going: it sees {row['age']} transactions back"
              for row in result["holding"] if (row["age"] or 0) > _HOLDING_AGE]
    return lines + list(result["notes"])


_HOLDING_AGE = 10000


def look_said(result: Result) -> str:
    """The look in one sentence."""
    needs = _counts([row for row in result["plan"] if not row["skipped"]], (
        ("vacuum", "table needs VACUUM", "tables need VACUUM"),
        ("analyze", "table needs ANALYZE", "tables need ANALYZE"),
        ("reindex", "index is bloated", "indexes are bloated"),
        ("remove", "leftover of ours is to go", "leftovers of ours are to go"))) or "nothing needs maintenance"
    kinds = {kind: len([row for row in result["advice"] if row["kind"] == kind]) for kind in
             ("unused", "duplicate", "invalid")}
    advice = ", ".join(f"{number} {kind}" for kind, number in kinds.items() if number)
    return f"{size(result['bytes'])}; {needs}" + (f"; indexes to look at: {advice}" if advice else "")


def _counts(rows: t.Sequence[t.Mapping[str, t.Any]], words: t.Sequence[tuple[str, str, str]]) -> str:
    numbers = [(len([row for row in rows if row["what"] == what]), one, many) for what, one, many in words]
    return ", ".join(counted(number, one, many) for number, one, many in numbers if number)


def _rounded(seconds: t.Optional[float]) -> t.Optional[float]:
    return None if seconds is None else round(seconds)
