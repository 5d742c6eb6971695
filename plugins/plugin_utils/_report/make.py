# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This plugin util is private to the collection.
"""From results to a fleet with its trends, and from there to every file of a report."""

from __future__ import annotations

import datetime
import typing as t

from ansible_collections.vendhub.ops.plugins.module_utils._core.thresholds import Thresholds

from . import folder, machine, page, plain, terminal
from .fleet import Fleet, host, stamp, worst_hosts_first
from .history import Past
from .trend import with_trends


def make(title: str, results: t.Mapping[str, t.Any], past: t.Sequence[Past], now: datetime.datetime, *,
         thresholds: Thresholds, left_out: t.Iterable[str] = ()) -> Fleet:
    """The fleet out of ``{host: result}``; ``past`` are the earlier reports, oldest first.

    None of them may be later than ``now``.
    """
    hosts = with_trends([host(name, result) for name, result in results.items()], past, now, thresholds)
    return Fleet(
        title=plain.line(title, 200),
        generated_at=now,
        hosts=worst_hosts_first(hosts),
        left_out=tuple(plain.line(name, 200) for name in left_out),
        earlier=len(past),
        earliest=stamp(past[0].at) if past else "",
    )


def texts(fleet: Fleet, formats: t.Collection[str], past: t.Sequence[Past], thresholds: Thresholds) -> dict[str, str]:
    """File name -> content of the wanted formats; JSON is always among them, the next report's trends need it."""
    makers: dict[str, t.Callable[[], str]] = {
        "json": lambda: machine.as_json(fleet),
        "html": lambda: page.as_html(fleet, past, thresholds),
        "junit": lambda: machine.as_junit(fleet),
        "prometheus": lambda: machine.as_prometheus(fleet),
        "text": lambda: terminal.as_text(fleet),
    }
    return {folder.FILES[name]: make_text() for name, make_text in makers.items() if name in {"json", *formats}}
