# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""The words every check answers in: state, finding, verdict (docs/contract.md)."""

from __future__ import annotations

import dataclasses
import enum
import typing as t

Number = t.Union[int, float]


class State(enum.IntEnum):
    """How bad it is; the order is the severity. Unknown outranks warning: a blind check must not hide behind one."""

    OK = 0
    WARNING = 1
    UNKNOWN = 2
    CRITICAL = 3

    def __str__(self) -> str:
        return self.name.lower()

    @classmethod
    def parse(cls, text: str) -> State:
        """Turn V(warning) into State.WARNING; ValueError for any other word."""
        try:
            return cls[text.upper()]
        except KeyError:
            known = ", ".join(str(state) for state in cls)
            raise ValueError(f"{text!r} is not a state; the states are {known}") from None


def worst(states: t.Iterable[State]) -> State:
    """The most severe of the states; nothing looked at is unknown, not fine."""
    return max(states, default=State.UNKNOWN)


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    ``object`` says which mount, app or certificate when a check looks at several; ``details`` are flat rows that
    support the finding (error groups, blocking sessions); ``remedy`` is the playbook that repairs it; ``reason`` is
    the sentence as one word for programs (errors.py), where there is one.
    """

    name: str
    state: State
    message: str
    value: t.Union[Number, str, None] = None
    unit: str = ""
    warning: t.Optional[Number] = None
    critical: t.Optional[Number] = None
    object: str = ""
    remedy: str = ""
    reason: str = ""
    details: tuple[t.Mapping[str, t.Any], ...] = ()

    def as_dict(self) -> dict[str, t.Any]:
        """The finding as plain data; what does not apply is left out."""
        data: dict[str, t.Any] = {"name": self.name, "state": str(self.state), "message": self.message}
        for key in ("value", "warning", "critical"):
            if getattr(self, key) is not None:
                data[key] = getattr(self, key)
        for key in ("unit", "object", "remedy", "reason"):
            if getattr(self, key):
                data[key] = getattr(self, key)
        if self.details:
            data["details"] = [dict(row) for row in self.details]
        return data


@dataclasses.dataclass(frozen=True)
class Inspection:
    """What looking at a subject gave: findings for people, flat numbers for trends and the textfile export."""

    findings: tuple[Finding, ...] = ()
    metrics: t.Mapping[str, Number] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Verdict:
    """The answer of one check about one target."""

    check: str
    target: str
    findings: tuple[Finding, ...]
    metrics: t.Mapping[str, Number] = dataclasses.field(default_factory=dict)

    @property
    def state(self) -> State:
        return worst(finding.state for finding in self.findings)

    @property
    def msg(self) -> str:
        return sentence(self.target, self.findings)

    def as_dict(self) -> dict[str, t.Any]:
        """The verdict contract: msg, check, target, state, findings (worst first), metrics."""
        return {
            "msg": self.msg,
            "check": self.check,
            "target": self.target,
            "state": str(self.state),
            "findings": [finding.as_dict() for finding in worst_first(self.findings)],
            "metrics": dict(self.metrics),
        }


def worst_first(findings: t.Iterable[Finding]) -> list[Finding]:
    """Most severe first; otherwise the order in which the check looked."""
    return sorted(findings, key=lambda finding: -finding.state)


def sentence(target: str, findings: t.Sequence[Finding]) -> str:
    """One sentence for the terminal: the worst finding, and how many others are not fine."""
    if not findings:
        return f"{target}: nothing was looked at"
    bad = [finding for finding in worst_first(findings) if finding.state is not State.OK]
    if not bad:
        return f"{target}: {len(findings)} findings, all ok"
    others = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
    return f"{target}: {bad[0].state}: {bad[0].message}{others}"


def metric(name: str, **labels: str) -> str:
    """The key of one number in ``metrics``, in the notation of a Prometheus sample: ``name{label="value"}``."""
    if not labels:
        return name
    pairs = ",".join(f'{key}="{_escape(value)}"' for key, value in sorted(labels.items()))
    return f"{name}{{{pairs}}}"


def _escape(value: str) -> str:
    # https://prometheus.io/docs/instrumenting/exposition_formats/: label values escape backslash, quote, line feed
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
