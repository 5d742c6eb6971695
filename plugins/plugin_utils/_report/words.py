# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This plugin util is private to the collection.
"""The sentences that the terminal, the page and the exit message share."""

from __future__ import annotations

import shlex
import typing as t

from ansible_collections.vendhub.ops.plugins.module_utils._core import remedies
from ansible_collections.vendhub.ops.plugins.module_utils._core.verdict import State

from .fleet import Entry, Fleet, Host

SHOWN_NAMES = 5
_IS = {
    State.OK: ("is healthy", "are healthy"),
    State.WARNING: ("has a warning", "have warnings"),
    State.UNKNOWN: ("could not be judged", "could not be judged"),
    State.CRITICAL: ("is critical", "are critical"),
}


def headline(fleet: Fleet) -> str:
    """How the fleet is, in one sentence of a few words."""
    if not fleet.hosts:
        return "No host was looked at"
    total, number = len(fleet.hosts), fleet.hosts_by_state()[fleet.state]
    if total == 1:
        return f"{fleet.hosts[0].name} {_IS[fleet.state][0]}"
    who = f"All {total} hosts" if number == total else f"{number} of {total} hosts"
    return f"{who} {_IS[fleet.state][number > 1]}"


def rest(fleet: Fleet) -> str:
    """How the hosts are that the headline does not speak of; empty when it speaks of all."""
    parts = [f"{number} {state}" for state, number in fleet.hosts_by_state().items()
             if number and state is not fleet.state]
    return f"the others: {', '.join(parts)}" if parts else ""


def tally(fleet: Fleet) -> str:
    """The findings in numbers, worst first; states that do not occur are left out."""
    numbers = fleet.findings_by_state()
    parts = [f"{number} {state}" for state, number in numbers.items() if number]
    return f"{count(sum(numbers.values()), 'finding')}: {', '.join(parts)}" if parts else "no findings"


def count(number: int, noun: str) -> str:
    """1 host, 2 hosts."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def names(hosts: t.Sequence[str]) -> str:
    """A few names, and how many more."""
    shown = ", ".join(hosts[:SHOWN_NAMES])
    return shown if len(hosts) <= SHOWN_NAMES else f"{shown} and {len(hosts) - SHOWN_NAMES} more"


def what(entry: Entry) -> str:
    """The message; it begins with the object unless it already names it."""
    about = entry.finding.object
    return f"{about}: {entry.finding.message}" if about and about not in entry.finding.message \
        else entry.finding.message


def repair(entry: Entry, host: Host) -> str:
    """The command that repairs it on this host, safe to paste into a shell; or that there is none yet."""
    return remedies.command(entry.finding.remedy, shlex.quote(host.name))


def of_host(host: Host) -> str:
    """One line about a host."""
    if not host.answered:
        return host.entries[0].finding.message
    bad = host.bad()
    if not bad:
        return f"{count(len(host.entries), 'finding')}, all ok"
    states = [entry.state for entry in bad]
    parts = [f"{states.count(state)} {state}" for state in reversed(State) if state in states]
    return f"{', '.join(parts)}, {len(host.entries) - len(bad)} ok"


def failure(fleet: Fleet, fail_on: str) -> str:
    """Why the run fails, in one sentence; empty when it does not."""
    if fail_on == "never":
        return ""
    if not fleet.hosts:
        return "No host was looked at; check the inventory and --limit"
    silent = [host.name for host in fleet.without_verdict()]
    past = [host for host in fleet.hosts if host.answered and host.state >= State.parse(fail_on)]
    reasons = [f"no verdict from {names(silent)}"] if silent else []
    for state in reversed(State):
        of_state = [host.name for host in past if host.state is state]
        if of_state:
            reasons.append(f"{state} on {names(of_state)}")
    if not reasons:
        return ""
    return f"{len(silent) + len(past)} of {count(len(fleet.hosts), 'host')} failed the check: {'; '.join(reasons)}"
