# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This plugin util is private to the collection.
"""The report for machines: JSON, JUnit and a textfile for node_exporter."""

from __future__ import annotations

import json
import re
import typing as t
from xml.etree import ElementTree

from ansible_collections.vendhub.ops.plugins.module_utils._core.thresholds import TABLE
from ansible_collections.vendhub.ops.plugins.module_utils._core.verdict import Number, State

from . import series, words
from .fleet import Entry, Fleet, Host, stamp
from .history import SCHEMA

PREFIX = "vendhub_"
STATES = ", ".join(f"{state.value} {state}" for state in State)


def as_data(fleet: Fleet) -> dict[str, t.Any]:
    """report.json as plain data; docs/report.schema.json describes it."""
    return {
        "schema": SCHEMA,
        "title": fleet.title,
        "generated_at": stamp(fleet.generated_at),
        "state": str(fleet.state),
        "msg": words.headline(fleet),
        "counts": {
            "hosts": {str(state): number for state, number in fleet.hosts_by_state().items()},
            "findings": {str(state): number for state, number in fleet.findings_by_state().items()},
        },
        "left_out": list(fleet.left_out),
        "history": {"reports": fleet.earlier, "since": fleet.earliest or None},
        "hosts": [_host(host) for host in fleet.hosts],
    }


def _host(host: Host) -> dict[str, t.Any]:
    return {
        "name": host.name,
        "state": str(host.state),
        "answered": host.answered,
        "msg": host.msg,
        "started_at": host.started_at or None,
        "duration_seconds": host.duration_seconds,
        "checks": [{"check": one.check, "target": one.target, "state": str(one.state), "msg": one.msg}
                   for one in host.checks],
        "findings": [entry.as_dict() for entry in (*host.bad(), *host.fine())],
        "metrics": dict(host.metrics),
    }


def as_json(fleet: Fleet) -> str:
    """report.json; the schema's name comes first, so that a look at the beginning tells what the file is."""
    return json.dumps(as_data(fleet), ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def as_junit(fleet: Fleet) -> str:
    """One suite a host, one case a finding: warning and critical are failures, unknown is an error."""
    root = ElementTree.Element("testsuites", {"name": fleet.title, **_totals(fleet.hosts)})
    for host in fleet.hosts:
        suite = ElementTree.SubElement(root, "testsuite", {
            "name": host.name, "timestamp": stamp(fleet.generated_at)[:-1],
            "time": f"{host.duration_seconds or 0:.3f}", **_totals([host])})
        for entry in (*host.bad(), *host.fine()):
            case = ElementTree.SubElement(suite, "testcase", classname=entry.check, name=entry.title, time="0")
            if entry.state is State.OK:
                continue
            kind = "error" if entry.state is State.UNKNOWN else "failure"
            sign = ElementTree.SubElement(case, kind, type=str(entry.state), message=words.what(entry))
            sign.text = "\n".join(_because(host, entry))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _totals(hosts: t.Iterable[Host]) -> dict[str, str]:
    states = [entry.state for host in hosts for entry in host.entries]
    failures = states.count(State.WARNING) + states.count(State.CRITICAL)
    return {"tests": str(len(states)), "failures": str(failures), "errors": str(states.count(State.UNKNOWN)),
            "skipped": "0"}


def _because(host: Host, entry: Entry) -> t.Iterator[str]:
    if entry.finding.remedy:
        yield f"repair: {words.repair(entry, host)}"
    for row in entry.finding.details:
        yield ", ".join(f"{key}: {value}" for key, value in row.items())


def as_prometheus(fleet: Fleet) -> str:
    """The exposition format: every family once with HELP and TYPE, no series twice, the host as a label."""
    families = _own(fleet)
    helps = {name: text for name, (text, dummy) in families.items()}
    samples: dict[str, dict[tuple[tuple[str, str], ...], Number]] = {
        name: values for name, (dummy, values) in families.items()}
    for host in fleet.hosts:
        for key, value in host.metrics.items():
            one = series.parse(key)
            if one is None or PREFIX + one.name in families:
                continue
            labels = [("exported_host" if label == "host" else label, text) for label, text in one.labels]
            name = PREFIX + one.name
            helps.setdefault(name, _HELP.get(one.name) or f"{one.name.replace('_', ' ')} as the daily check saw it")
            samples.setdefault(name, {}).setdefault(_labels(host=host.name, others=labels), value)
    lines = []
    for name in sorted(samples):
        kind = "counter" if name.endswith("_total") else "gauge"
        lines += [f"# HELP {name} {_help(helps[name])}", f"# TYPE {name} {kind}"]
        lines += [f"{series.Series(name, labels).key} {_value(value)}" for labels, value in samples[name].items()]
    return "\n".join(lines) + "\n"


_HELP = {row.name: f"{row.title} ({row.unit})" for row in TABLE}


def _own(fleet: Fleet) -> dict[str, tuple[str, dict[tuple[tuple[str, str], ...], Number]]]:
    """The families that the report itself adds; they win over a host's metric of the same name."""
    checks = {_labels(host=host.name, others=[("check", check)]): int(state)
              for host in fleet.hosts for check, state in host.check_states().items()}
    findings: dict[tuple[tuple[str, str], ...], Number] = {}
    for host in fleet.hosts:
        for entry in host.entries:
            check, name, about = entry.identity
            labels = _labels(host=host.name, others=[("check", check), ("finding", name), ("object", about)])
            findings[labels] = max(int(entry.state), findings.get(labels, 0))
    return {
        f"{PREFIX}report_timestamp_seconds": ("When the report was written", {(): int(fleet.generated_at.timestamp())}),
        f"{PREFIX}host_state": (f"State of a host: {STATES}",
                                {_labels(host=host.name, others=()): int(host.state) for host in fleet.hosts}),
        f"{PREFIX}host_answered": ("Whether there is a verdict from the host",
                                   {_labels(host=host.name, others=()): int(host.answered) for host in fleet.hosts}),
        f"{PREFIX}check_state": (f"State of a check: {STATES}", dict(checks)),
        f"{PREFIX}finding_state": (f"State of a finding: {STATES}", findings),
    }


def _labels(host: str, others: t.Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted([("host", host), *others]))


def _help(text: str) -> str:
    return re.sub(r"\s+", " ", text.replace("\\", "\\\\"))


def _value(value: Number) -> str:
    return str(value) if isinstance(value, int) else repr(float(value))
