# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Plan the maintenance of a database, and do it: the wiring of postgresql_maintenance."""

from __future__ import annotations

import typing as t

from .._core.errors import CannotLook, OpsError
from .connection import address
from .link import linked
from .maintenance_crew import Crew
from .maintenance_look import Look, limits_of, look
from .maintenance_options import refuse
from .maintenance_plan import Work, leftovers, reindex_plan, removal, vacuum_plan
from .maintenance_shown import done_row, plan_lines, plan_report, said, work_row
from .maintenance_work import Worker

Result = dict[str, t.Any]


class Failed(OpsError):
    """Something went wrong; ``result`` says how far it came."""

    def __init__(self, message: str, result: Result) -> None:
        super().__init__(message)
        self.result = result


def maintain(options: t.Mapping[str, t.Any], *, act: bool) -> Result:
    """Do what is needed, or with ``act`` false only say what; Failed when something went wrong."""
    where = address(options)
    refuse(options)
    with linked(where, options["login_wait_seconds"], options["system_user"]) as watch:
        seen = look(watch, options, bloat=options["work"] == "reindex")
        if seen.server["standby"]:
            raise CannotLook("it is a standby, whose tables are maintained on its primary: run this there")
        plan = _plan(seen, options)
        result: Result = {"target": str(where), "plan": [work_row(work) for work in plan], "done": [], "changed": False,
                          "bloat_by": seen.bloat_by, "notes": list(seen.notes), "seconds": 0.0, "complete": True}
        result["plan_report"] = plan_report(result["plan"])
        todo = [work for work in plan if not work.skip]
        result["diff"] = {"before": plan_lines(todo), "after": ""}
        if not act:
            result["changed"] = bool(todo)
        elif todo or (seen.begun and options["work"] == "reindex"):
            with Worker(where, options["system_user"]) as worker:
                crew = Crew(worker, watch, seen, options=options, result=result)
                try:
                    crew.work(todo)
                except OpsError as exc:
                    crew.sum_up(plan)
                    raise Failed(f"{where}: {said(result, act=True)}; then: {exc}", result) from exc
                crew.sum_up(plan)
        else:
            result["done"] = [done_row(work, "skipped", work.skip) for work in plan]
            result["complete"] = not plan
    result["msg"] = f"{where}: {said(result, act=act)}"
    if any(row["state"] == "failed" for row in result["done"]):
        raise Failed(result["msg"], result)
    return result


def _plan(seen: Look, options: t.Mapping[str, t.Any]) -> list[Work]:
    limits = limits_of(options)
    if options["work"] == "vacuum":
        return vacuum_plan(seen.tables, seen.facts, limits, options["parallel_workers"])
    ours = leftovers(seen.indexes, seen.begun)[0]
    return [removal(index) for index in ours] + reindex_plan(seen.indexes, seen.facts, limits)
