# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This plugin util is private to the collection.
"""What the report is about: hosts and their findings, made from whatever the hosts' tasks left behind."""

from __future__ import annotations

import dataclasses
import datetime
import math
import re
import typing as t

from ansible_collections.vendhub.ops.plugins.module_utils._core.verdict import Finding, Number, State, worst

from . import plain, series

MOST_ROWS = 1000  # more than the error groups of log_errors, whose fingerprints the next report compares
# the order in which people read the checks; others follow by name
CHECKS = ("host", "api", "pm2", "postgresql", "redis", "system", "logs", "certificates", "prometheus", "backups",
          "trend")
SIGNS = {State.OK: "✓", State.WARNING: "!", State.UNKNOWN: "?", State.CRITICAL: "✕"}

# what Ansible says before the reason; a line of the summary has no room for it
_FRAME = re.compile(r"^(?:Task failed: )?(?:Finalization of task args for '[\w.]+' failed: )?")
_PLAYBOOK = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+){2,4}")

Identity = tuple[str, str, str]


@dataclasses.dataclass(frozen=True)
class Entry:
    """A finding in the report; ``since`` is when it was first seen not ok, without a gap, where history tells."""

    check: str
    finding: Finding
    since: str = ""
    new: bool = False

    @property
    def state(self) -> State:
        return self.finding.state

    @property
    def identity(self) -> Identity:
        """What makes it the same finding in another report."""
        return (self.check, self.finding.name, self.finding.object)

    @property
    def title(self) -> str:
        """Name and object, for people."""
        return f"{self.finding.name} {self.finding.object}".rstrip()

    def as_dict(self) -> dict[str, t.Any]:
        """The entry in report.json."""
        data = {"check": self.check, **self.finding.as_dict()}
        if self.since:
            data.update(since=self.since, new=self.new)
        return data


@dataclasses.dataclass(frozen=True)
class CheckLine:
    """One subject of a host and how it is."""

    check: str
    target: str
    state: State
    msg: str


@dataclasses.dataclass(frozen=True)
class Host:
    """One host; ``answered`` is false when there is no verdict from it."""

    name: str
    answered: bool
    msg: str
    checks: tuple[CheckLine, ...] = ()
    entries: tuple[Entry, ...] = ()
    metrics: t.Mapping[str, Number] = dataclasses.field(default_factory=dict)
    started_at: str = ""
    duration_seconds: t.Optional[float] = None

    @property
    def state(self) -> State:
        return worst([entry.state for entry in self.entries] + [check.state for check in self.checks])

    def check_states(self) -> dict[str, State]:
        """Each check and its worst state, as the host said it and as its findings (trends too) say."""
        states: dict[str, State] = {}
        pairs = [(one.check, one.state) for one in self.checks] + [(one.check, one.state) for one in self.entries]
        for check, state in pairs:
            states[check] = max(state, states.get(check, State.OK))
        return {check: states[check] for check in in_order(states)}

    def bad(self) -> list[Entry]:
        """What is not fine, worst first."""
        return sorted((entry for entry in self.entries if entry.state is not State.OK),
                      key=lambda entry: -entry.state)

    def fine(self) -> list[Entry]:
        """What was looked at and is fine."""
        return [entry for entry in self.entries if entry.state is State.OK]


@dataclasses.dataclass(frozen=True)
class Fleet:
    """Everything the renderers need; hosts are worst first. ``left_out`` were not part of this run (--limit)."""

    title: str
    generated_at: datetime.datetime
    hosts: tuple[Host, ...]
    left_out: tuple[str, ...] = ()
    earlier: int = 0
    earliest: str = ""

    @property
    def state(self) -> State:
        return worst(host.state for host in self.hosts)

    def checks(self) -> list[str]:
        """Every check of any host that answered, in reading order."""
        return in_order({check for host in self.hosts if host.answered for check in host.check_states()})

    def bad(self) -> list[tuple[Host, Entry]]:
        """What is not fine anywhere, worst first."""
        pairs = [(host, entry) for host in self.hosts for entry in host.bad()]
        return sorted(pairs, key=lambda pair: -pair[1].state)

    def hosts_by_state(self) -> dict[State, int]:
        """How many hosts are in each state, worst first."""
        return {state: sum(host.state is state for host in self.hosts) for state in reversed(State)}

    def findings_by_state(self) -> dict[State, int]:
        """How many findings are in each state, worst first."""
        states = [entry.state for host in self.hosts for entry in host.entries]
        return {state: states.count(state) for state in reversed(State)}

    def without_verdict(self) -> list[Host]:
        """The hosts that could not be reached or whose check broke."""
        return [host for host in self.hosts if not host.answered]


def in_order(checks: t.Iterable[str]) -> list[str]:
    """Checks in reading order."""
    return sorted(checks, key=lambda check: (CHECKS.index(check) if check in CHECKS else len(CHECKS), check))


def worst_hosts_first(hosts: t.Iterable[Host]) -> tuple[Host, ...]:
    """Hosts in the order in which an operator wants them."""
    return tuple(sorted(hosts, key=lambda host: (-host.state, host.name)))


def stamp(moment: datetime.datetime) -> str:
    """A moment as the report writes it: UTC, ISO 8601, to the second."""
    return moment.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def host(name: str, result: t.Any) -> Host:
    """Read one host's result, whatever it is; nothing that is missing or strange becomes a green host."""
    name = plain.line(name, 200)
    if not isinstance(result, t.Mapping):
        return _blind(name, "no result came from this host; the play ended before it was checked")
    if result.get("unreachable"):
        return _blind(name, f"cannot be reached: {_reason(result)}",
                      "host_reachable")
    state = _state(result.get("state"))
    if state is None:
        return _blind(name, f"the check ended without a verdict: {_reason(result)}")
    checks = tuple(_check(one) for one in _mappings(result.get("checks")))
    entries = tuple(_entry(one, str(result.get("check") or "health")) for one in _mappings(result.get("findings")))
    if worst([entry.state for entry in entries] + [one.state for one in checks]) < state or not entries:
        entries += (Entry("host", Finding("host_verdict", state, plain.line(result.get("msg") or "no message"))),)
    return Host(
        name=name,
        answered=True,
        msg=plain.line(result.get("msg") or ""),
        checks=checks,
        entries=entries,
        metrics=_metrics(result.get("metrics")),
        started_at=plain.line(result.get("started_at") or "", 40),
        duration_seconds=_number(result.get("duration_seconds")),
    )


def _reason(result: t.Mapping[str, t.Any]) -> str:
    return _FRAME.sub("", plain.line(result.get("msg") or "")) or "no reason given"


def _blind(name: str, reason: str, finding: str = "host_verdict") -> Host:
    return Host(name, False, f"{name}: {reason}", entries=(Entry("host", Finding(finding, State.UNKNOWN, reason)),))


def _check(data: t.Mapping[str, t.Any]) -> CheckLine:
    state = _state(data.get("state"))
    return CheckLine(plain.line(data.get("check") or "?", 60), plain.line(data.get("target") or ""),
                     State.UNKNOWN if state is None else state, plain.line(data.get("msg") or ""))


def _entry(data: t.Mapping[str, t.Any], check: str) -> Entry:
    state = _state(data.get("state"))
    value = data.get("value")
    finding = Finding(
        name=plain.line(data.get("name") or "finding", 100),
        state=State.UNKNOWN if state is None else state,
        message=plain.line(data.get("message") or "no message"),
        value=value if isinstance(value, bool) else plain.line(value, 200) if isinstance(value, str)
        else _number(value),
        unit=plain.line(data.get("unit") or "", 40),
        warning=_number(data.get("warning")),
        critical=_number(data.get("critical")),
        object=plain.line(data.get("object") or "", 300),
        remedy=_playbook(data.get("remedy")),
        reason=plain.line(data.get("reason") or "", 40),
        details=tuple(plain.row(one) for one in _mappings(data.get("details"))[:MOST_ROWS]),
    )
    return Entry(plain.line(data.get("check") or check, 60), finding)


def _playbook(name: t.Any) -> str:
    """A remedy is shown as a command to paste: only the name of a playbook in a collection may get there."""
    return name if isinstance(name, str) and _PLAYBOOK.fullmatch(name) else ""


def _state(text: t.Any) -> t.Optional[State]:
    try:
        return State.parse(text)
    except (ValueError, AttributeError):
        return None


def _mappings(value: t.Any) -> list[t.Mapping[str, t.Any]]:
    return [one for one in value if isinstance(one, t.Mapping)] if isinstance(value, (list, tuple)) else []


def _number(value: t.Any) -> t.Optional[Number]:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return value


def _metrics(value: t.Any) -> dict[str, Number]:
    if not isinstance(value, t.Mapping):
        return {}
    numbers = {}
    for key, raw in value.items():
        one, number = series.parse(str(key)), _number(raw)
        if one is not None and number is not None:
            labels = tuple((label, plain.line(text, 300)) for label, text in one.labels)
            numbers[series.Series(one.name, labels).key] = number
    return numbers
