# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""What maintenance a database needs, and what a person should decide: the wiring of postgresql_maintenance_info."""

from __future__ import annotations

import typing as t

from .connection import address
from .index_advice_judge import duplicates, invalid, too_young, unused
from .link import linked
from .maintenance_look import limits_of, look
from .maintenance_options import refuse
from .maintenance_plan import leftovers, reindex_plan, vacuum_plan
from .maintenance_shown import bloat_row, look_report, look_said, plan_report, table_row, work_row

Result = dict[str, t.Any]


def gather(options: t.Mapping[str, t.Any]) -> Result:
    """Look, and change nothing."""
    where, limit = address(options), options["limit"]
    refuse(options)
    with linked(where, options["login_wait_seconds"], options["system_user"]) as link:
        seen = look(link, options)
    limits, server = limits_of(options), seen.server
    ours = leftovers(seen.indexes, seen.begun)[0]
    meant = [one for one in seen.indexes if limits.means(one.schema, one.quoted, one.name)]
    tables = [one for one in seen.tables if not one.system and limits.means(one.schema, one.quoted, one.name)]
    plan = vacuum_plan(seen.tables, seen.facts, limits, 0) + reindex_plan(seen.indexes, seen.facts, limits)
    notes = list(seen.notes)
    young = too_young(options["unused_days"], server["statistics_seconds"])
    notes += [young] if young else []
    advice = (invalid(meant, ours) + duplicates(meant)
              + unused(meant, options["unused_days"], server["statistics_seconds"], server["replicas"]))
    bloated = sorted((one for one in meant if one.wasted), key=lambda one: -(one.wasted or 0))
    result: Result = {
        "changed": False, "target": str(where), "bytes": server["database_bytes"], "version": server["version"],
        "standby": server["standby"], "replicas": server["replicas"],
        "statistics_seconds": server["statistics_seconds"], "bloat_by": seen.bloat_by,
        "tables": [table_row(one) for one in
                   sorted(tables, key=lambda one: -(one.table_bytes + one.index_bytes))[:limit]],
        "bloat": [bloat_row(one) for one in bloated[:limit]], "plan": [work_row(work) for work in plan],
        "leftovers": [one.quoted for one in ours], "advice": advice, "progress": server["progress"] or [],
        "holding": server["holding"] or [], "notes": notes,
        "wraparound": [{**row, "percent": round(100 * max(row["xid_age"] / row["xid_stop_age"],
                                                          row["mxid_age"] / row["mxid_stop_age"]), 2)}
                       for row in server["databases"] or []],
    }
    result["plan_report"] = plan_report(result["plan"])
    result["report"] = look_report(result)
    result["msg"] = f"{where}: {look_said(result)}"
    return result
