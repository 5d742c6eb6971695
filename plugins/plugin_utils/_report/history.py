# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This plugin util is private to the collection.
"""What is worth remembering of an earlier report, read from its JSON."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from ansible_collections.vendhub.ops.plugins.module_utils._core.verdict import Number, State

from .fleet import Host, Identity

SCHEMA = "vendhub.ops/report/1"
ERRORS = "log_errors"
TREND = "trend"


@dataclasses.dataclass(frozen=True)
class PastHost:
    """One host in one report; ``errors`` are the fingerprints of its log errors, None when its logs were not read."""

    answered: bool
    metrics: t.Mapping[str, Number]
    bad: frozenset[Identity]
    errors: t.Optional[frozenset[str]]


@dataclasses.dataclass(frozen=True)
class Past:
    """One earlier report."""

    at: datetime.datetime
    hosts: t.Mapping[str, PastHost]


def recall(data: t.Any) -> Past:
    """Read a report; ValueError says what is wrong with one that is not ours or damaged."""
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise ValueError(f"it is not a report of the kind {SCHEMA}")
    try:
        at = datetime.datetime.strptime(data["generated_at"], "%Y-%m-%dT%H:%M:%SZ")
        hosts = {host["name"]: _host(host) for host in data["hosts"]}
    except (KeyError, TypeError, AttributeError, ValueError) as exc:
        raise ValueError(f"it is damaged ({type(exc).__name__}: {exc})") from exc
    return Past(at.replace(tzinfo=datetime.timezone.utc), hosts)


def _host(host: t.Mapping[str, t.Any]) -> PastHost:
    findings = host["findings"]
    logs = [finding for finding in findings if finding["name"] == ERRORS and finding["state"] != "unknown"]
    prints = [str(row["fingerprint"]) for finding in logs for row in finding.get("details", ())
              if row.get("fingerprint")]
    return PastHost(
        answered=bool(host["answered"]),
        metrics={str(key): number for key, number in host["metrics"].items() if isinstance(number, (int, float))},
        bad=frozenset((finding["check"], finding["name"], finding.get("object", "")) for finding in findings
                      if finding["state"] != "ok"),
        errors=frozenset(prints) if logs else None,
    )


def of_host(name: str, past: t.Sequence[Past]) -> list[tuple[datetime.datetime, PastHost]]:
    """A host's own history, oldest first; reports in which it gave no answer are not in it."""
    return [(report.at, report.hosts[name]) for report in past
            if name in report.hosts and report.hosts[name].answered]


def errors_of(host: Host) -> t.Optional[dict[str, t.Mapping[str, t.Any]]]:
    """The error groups of a host today by their fingerprint; None when its logs were not read."""
    findings = [entry.finding for entry in host.entries
                if entry.finding.name == ERRORS and entry.state is not State.UNKNOWN]
    if not findings:
        return None
    return {str(row["fingerprint"]): row for finding in findings for row in finding.details if row.get("fingerprint")}
