# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This plugin util is private to the collection.
"""The report as one self-contained page: no script, no network, everything escaped, nothing but its own style."""

from __future__ import annotations

import base64
import datetime
import hashlib
import typing as t
import urllib.parse
from pathlib import Path

import jinja2
from ansible_collections.vendhub.ops.plugins.module_utils._core.limits import duration, quantity
from ansible_collections.vendhub.ops.plugins.module_utils._core.thresholds import Thresholds
from ansible_collections.vendhub.ops.plugins.module_utils._core.verdict import Finding, State

from . import plot, words
from .fleet import SIGNS, Fleet, Host
from .history import Past

HERE = Path(__file__).resolve().parent
MOST_PROBLEMS = 25
MOST_ROWS = 50
LONGEST_BRIEF = 300
FOLD_OVER = 12

_COLOURS = {State.OK: "#2f7d4f", State.WARNING: "#b87503", State.UNKNOWN: "#6b5ca5", State.CRITICAL: "#c0392b"}


def as_html(fleet: Fleet, past: t.Sequence[Past], thresholds: Thresholds) -> str:
    """report.html."""
    style = (HERE / "page.css").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(str(HERE)), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )
    environment.filters.update(
        limits=limits, value=value, duration=duration, what=words.what, brief=brief, of_host=words.of_host,
        columns=columns, moment=moment, count=words.count, repair=words.repair, rest=words.rest,
    )
    return environment.get_template("page.html.j2").render(
        fleet=fleet,
        headline=words.headline(fleet),
        style=style,
        style_hash=_hash(style),
        icon=_icon(fleet.state),
        signs=SIGNS,
        states=list(reversed(State)),
        ok=State.OK,
        anchors={host.name: f"host-{number}" for number, host in enumerate(fleet.hosts, 1)},
        folded=_folded(fleet.hosts),
        plots={host.name: plot.plots(host, past, fleet.generated_at, thresholds) for host in fleet.hosts},
        box=plot,
        most_problems=MOST_PROBLEMS,
        most_rows=MOST_ROWS,
    )


def limits(finding: Finding) -> str:
    """The limits of a finding in words; empty when it has none."""
    bounds = [(name, bound) for name, bound in (("warning", finding.warning), ("critical", finding.critical))
              if bound is not None]
    return ", ".join(f"{name} {quantity(bound, finding.unit)}" for name, bound in bounds)


def value(finding: Finding) -> str:
    """The measured value with its unit."""
    if finding.value is None:
        return ""
    if isinstance(finding.value, (bool, str)):
        return str(finding.value)
    return quantity(finding.value, finding.unit)


def brief(text: str) -> str:
    """The beginning of a long text; the whole of it is with its host."""
    return text if len(text) <= LONGEST_BRIEF else f"{text[:LONGEST_BRIEF]}…"


def columns(rows: t.Sequence[t.Mapping[str, t.Any]]) -> list[str]:
    """The keys of all rows in the order of their first appearance."""
    return list(dict.fromkeys(key for row in rows for key in row))


def moment(text: str) -> str:
    """An ISO moment as people read it; other text stays as it is."""
    try:
        return f"{datetime.datetime.strptime(text, '%Y-%m-%dT%H:%M:%SZ'):%d %b %Y, %H:%M} UTC"
    except ValueError:
        return text


def _folded(hosts: t.Sequence[Host]) -> int:
    """How many healthy hosts at the end of the overview are folded in: in a small fleet none."""
    fine = sum(host.state is State.OK for host in hosts)
    return fine if len(hosts) > FOLD_OVER and fine > 1 else 0


def _hash(style: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()


def _icon(state: State) -> str:
    """A dot in the colour of the state for the browser's tab; as a link it needs no network."""
    drawing = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">'
               f'<circle cx="8" cy="8" r="7" fill="{_COLOURS[state]}"/></svg>')
    return "data:image/svg+xml," + urllib.parse.quote(drawing)
