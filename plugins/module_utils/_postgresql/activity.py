# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""What PostgreSQL does at this moment, and over a window: the wiring of postgresql_activity_info."""

from __future__ import annotations

import time
import typing as t

from .._core.errors import BadOption
from .activity_queries import SAMPLE, activity, counters, texts
from .activity_shown import Seen, report, said, shape
from .activity_statements_facts import by_mean, by_total, costs, counted_rows, leaders, sampled_rows
from .client import Missing
from .connection import address
from .facts import Row, statements_missing, texts_hidden
from .link import Link, linked
from .sessions_facts import Room, sessions
from .sessions_queries import sessions as sessions_query

Result = dict[str, t.Any]

_REASONS = {"55000": "not preloaded", "42501": "denied"}


def gather(options: t.Mapping[str, t.Any]) -> Result:
    """Sessions, who blocks whom, and the statements that cost most within the window."""
    where = address(options)
    for name, least in (("window_seconds", 0.0), ("sample_interval_seconds", 0.01), ("limit", 1),
                        ("statement_length", 20), ("login_wait_seconds", 0.0)):
        if options[name] < least:
            raise BadOption(f"{name} must be {least:g} or more, not {options[name]:g}")
    with linked(where, options["login_wait_seconds"], options["system_user"]) as link:
        answer = link.ask(sessions_query(link.version))
        moment = link.ask(activity(link.version))
        found = sessions(answer["sessions"] or [])
        seen = Seen(found, Room("server", "", answer["usable"], answer["used"]), answer["max_connections"], moment)
        result = shape(seen, options["limit"], options["statement_length"])
        result["statements"] = _statements(link, moment["statements"], where.database, options)
    result.update(changed=False, target=str(where))
    result["report"] = report(result)
    result["msg"] = f"{where}: {said(result)}"
    return result


def _statements(link: Link, extension: t.Optional[Row], database: str, options: t.Mapping[str, t.Any]) -> Result:
    if options["statements"] == "off" or not options["window_seconds"]:
        return _answer("off", [], 0.0, options)
    if options["statements"] == "sampled":
        return _sampled(link, options)
    reason = "absent"
    if extension:
        try:
            return _counted(link, extension, options)
        except Missing as exc:
            reason = _REASONS.get(exc.sqlstate, "odd")
    missing = statements_missing(reason, database)
    return {**_sampled(link, options), "why": missing.why, "enable": missing.enable}


def _counted(link: Link, extension: Row, options: t.Mapping[str, t.Any]) -> Result:
    question = counters(extension["version"], extension["schema"])
    before, began = link.ask(question), time.monotonic()
    time.sleep(options["window_seconds"])
    after, window = link.ask(question), time.monotonic() - began
    reset = before["reset"] != after["reset"]
    found = costs(before["rows"] or [], after["rows"] or [], reset=reset)
    first = leaders(found, options["limit"])
    named = link.ask(texts(extension["schema"]), {"ids": [int(cost.key.split("/", 1)[0]) for cost in first]})["texts"]
    rows = counted_rows(first, sum(cost.seconds for cost in found), named or {}, options["statement_length"])
    answer = _answer("pg_stat_statements", rows, window, options)
    if after["hidden"]:
        hidden = texts_hidden(after["hidden"])
        answer.update(why=hidden.why, enable=hidden.enable)
    if reset:
        answer["why"] = "the statistics were reset within the window; it began there"
    return answer


def _sampled(link: Link, options: t.Mapping[str, t.Any]) -> Result:
    began, samples = time.monotonic(), []
    ends = began + options["window_seconds"]
    while True:
        samples.append(link.ask(SAMPLE)["rows"] or [])
        left = ends - time.monotonic()
        if left <= 0:
            break
        time.sleep(min(left, options["sample_interval_seconds"]))
    window = time.monotonic() - began
    return _answer("sampled", sampled_rows(samples, window, options["statement_length"]), window, options)


def _answer(source: str, rows: list[dict[str, t.Any]], window: float, options: t.Mapping[str, t.Any]) -> Result:
    return {"source": source, "window_seconds": round(window, 3), "by_total": by_total(rows, options["limit"]),
            "by_mean": by_mean(rows, options["limit"]), "why": "", "enable": ""}
