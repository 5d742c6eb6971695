# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This plugin util is private to the collection.
"""The report as text: a summary that a person reads in ten seconds, and the whole of it for a file."""

from __future__ import annotations

import typing as t

from ansible_collections.vendhub.ops.plugins.module_utils._core import remedies
from ansible_collections.vendhub.ops.plugins.module_utils._core.verdict import State

from . import plain, words
from .fleet import SIGNS, Entry, Fleet, Host, stamp

MOST_FINDINGS = 12
MOST_HOSTS = 10
LONGEST_MESSAGE = 200


class Line(t.NamedTuple):
    """One line and the state that colours it, if any."""

    text: str
    state: t.Optional[State] = None


def summary(fleet: Fleet, where: str) -> list[Line]:
    """Headline, what is not fine, hosts, and where the report is; long lists end with how many more there are."""
    said = "; ".join(part for part in (words.headline(fleet), words.rest(fleet), words.tally(fleet)) if part)
    lines = [Line(f"{_word(fleet.state)} {said}", fleet.state)]
    bad = fleet.bad()
    width = max((len(host.name) for host, entry in bad[:MOST_FINDINGS]), default=0)
    if bad:
        lines.append(Line(""))
    for host, entry in bad[:MOST_FINDINGS]:
        lines.append(Line(f"{_word(entry.state)} {host.name:<{min(width, 30)}}  {_finding(entry)}", entry.state))
    if len(bad) > MOST_FINDINGS:
        lines.append(Line(f"  … and {len(bad) - MOST_FINDINGS} more in the report"))
    if len(fleet.hosts) > 1:
        lines += [Line(""), *_hosts(fleet.hosts)]
    lines.append(Line(""))
    if fleet.left_out:
        lines.append(Line(f"Not in this run (--limit): {words.names(fleet.left_out)}"))
    lines.append(Line(where))
    return lines


def _hosts(hosts: t.Sequence[Host]) -> t.Iterator[Line]:
    width = min(30, max(len(host.name) for host in hosts[:MOST_HOSTS]))
    for host in hosts[:MOST_HOSTS]:
        yield Line(f"{_word(host.state)} {host.name:<{width}}  {plain.line(words.of_host(host), LONGEST_MESSAGE)}",
                   host.state)
    if len(hosts) > MOST_HOSTS:
        rest = [host.state for host in hosts[MOST_HOSTS:]]
        states = ", ".join(f"{rest.count(state)} {state}" for state in reversed(State) if state in rest)
        yield Line(f"  … and {len(rest)} more in the report: {states}")


def _finding(entry: Entry) -> str:
    named = entry.finding.remedy
    remedy = f"  → {named}{'' if remedies.exists(named) else ' (planned)'}" if named else ""
    new = " (new)" if entry.new else ""
    return f"{entry.check}: {plain.line(words.what(entry), LONGEST_MESSAGE)}{new}{remedy}"


def _word(state: State) -> str:
    return f"{SIGNS[state]} {str(state).upper():<8}"


def as_text(fleet: Fleet) -> str:
    """report.txt: every finding of every host."""
    lines = [fleet.title, stamp(fleet.generated_at), "", f"{words.headline(fleet)}; {words.tally(fleet)}"]
    for host in fleet.hosts:
        lines += ["", f"{_word(host.state)} {host.name}: {words.of_host(host)}"]
        for entry in (*host.bad(), *host.fine()):
            lines.append(f"  {_word(entry.state)} {entry.check} {entry.finding.name}: {words.what(entry)}")
            if entry.since:
                lines.append(f"             since {entry.since}{' (new)' if entry.new else ''}")
            if entry.finding.remedy:
                lines.append(f"             repair: {words.repair(entry, host)}")
            lines += [f"             - {_row(row)}" for row in entry.finding.details]
    if fleet.left_out:
        lines += ["", f"Not in this run (--limit): {', '.join(fleet.left_out)}"]
    return "\n".join(lines) + "\n"


def _row(row: t.Mapping[str, t.Any]) -> str:
    return plain.line(", ".join(f"{key}: {value}" for key, value in row.items()))
