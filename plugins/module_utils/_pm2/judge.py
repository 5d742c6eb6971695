# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Turn what is known of PM2 into findings; "online" alone is never taken for healthy."""

from __future__ import annotations

import dataclasses
import typing as t

from .._core.errors import ABSENT, ERRORED, FOREIGN, STOPPED
from .._core.limits import counted, duration, size
from .._core.thresholds import Thresholds
from .._core.verdict import Finding, Inspection, Number, State, metric
from .apps import Process, by_name
from .facts import Facts
from .journal import Exit

HOUR = 3600
CRASH_LOOP = "vendhub.ops.fix_crash_loop"
RECOVER = "vendhub.ops.recover"


@dataclasses.dataclass(frozen=True)
class Expected:
    """An app that must be there: how many processes, and the port one of them (or the daemon) must own."""

    name: str
    instances: t.Optional[int] = None
    port: t.Optional[int] = None


def judge(facts: Facts, expected: t.Sequence[Expected], thresholds: Thresholds) -> Inspection:
    """All findings about one PM2 home. Without expected apps every app in the list is one."""
    apps = by_name(facts.processes)
    wanted = list(expected) or [Expected(name) for name in apps]
    names = {app.name for app in wanted}
    findings = [_daemon(facts)]
    for app in wanted:
        findings += _app(app, apps.get(app.name, []), facts, thresholds)
    for name, processes in apps.items():
        if name not in names:
            findings += _bystander(name, processes, facts, thresholds)
    if not wanted:
        findings.append(Finding("pm2_app", State.CRITICAL, "PM2 runs, but its list of apps is empty", value=0,
                                unit="processes", remedy=RECOVER, reason=ABSENT))
    findings += [_saved_list(facts, set(apps)), _privacy(facts)]
    return Inspection(tuple(findings), _metrics(facts, apps))


def _daemon(facts: Facts) -> Finding:
    message = f"the PM2 {facts.daemon_version} daemon (pid {facts.daemon_pid}) answers"
    if facts.cli_version and facts.cli_version != facts.daemon_version:
        return Finding("pm2_daemon", State.WARNING,
                       f"{message}, but PM2 {facts.cli_version} is installed: the next 'pm2 update' or reboot changes"
                       " the version under all apps", value=facts.daemon_version)
    return Finding("pm2_daemon", State.OK, message, value=facts.daemon_version)


def _app(app: Expected, processes: list[Process], facts: Facts, thresholds: Thresholds) -> list[Finding]:
    if not processes:
        return [Finding("pm2_app", State.CRITICAL, f"{app.name} is not in PM2's list", value=0, unit="processes",
                        object=app.name, remedy=RECOVER, reason=ABSENT)]
    findings = [_presence(app, processes, facts)]
    findings += _crashes(app.name, facts, thresholds)
    findings += _memory(app.name, processes, thresholds)
    if app.port is not None:
        findings.append(_port(app.name, app.port, facts))
    return findings


def _presence(app: Expected, processes: list[Process], facts: Facts) -> Finding:
    online = [process for process in processes if process.status == "online"]
    shall = app.instances if app.instances is not None else len(processes)
    mode = "/".join(sorted({process.exec_mode for process in processes if process.exec_mode}))
    message = f"{app.name}: {len(online)} of {shall} online ({mode})"
    if online:
        message += f", up {duration(_uptime(online, facts.now))}"
    others = sorted({process.status for process in processes} - {"online"})
    if others:
        message += f", others {', '.join(others)}"
    state = State.OK
    if len(online) != shall or others:
        state = State.WARNING if online else State.CRITICAL
    return Finding("pm2_app", state, message, value=len(online), unit="processes", object=app.name,
                   remedy="" if state is State.OK else RECOVER, reason=_reason(others))


def _reason(others: t.Sequence[str]) -> str:
    """The word for why processes do not run; a launch under way is none."""
    if {"errored", "waiting restart"} & set(others):
        return ERRORED
    return STOPPED if {"stopped", "stopping"} & set(others) else ""


def _bystander(name: str, processes: list[Process], facts: Facts, thresholds: Thresholds) -> list[Finding]:
    """An app nobody asked for: worth a warning when it is broken, never more."""
    broken = sorted({process.status for process in processes} & {"errored", "waiting restart"})
    findings = _crashes(name, facts, thresholds) + _memory(name, processes, thresholds)
    if broken:
        findings.append(Finding("pm2_app", State.WARNING, f"{name} (not among the expected apps) is {broken[0]}",
                                object=name, remedy=CRASH_LOOP))
    return [dataclasses.replace(finding, state=min(finding.state, State.WARNING)) for finding in findings
            if finding.state in (State.WARNING, State.CRITICAL)]


def _crashes(name: str, facts: Facts, thresholds: Thresholds) -> list[Finding]:
    if facts.exits is None:
        return [Finding("pm2_crashes_per_hour", State.UNKNOWN,
                        f"{name}: unasked exits could not be counted: {facts.exits_unseen}", object=name)]
    recent = _recent(facts, name)
    if not recent:
        message = f"{name} did not exit unasked within the last hour"
    else:
        why = ", ".join(sorted({one.why for one in recent}))
        ago = duration(max(0.0, facts.now - recent[-1].at))
        message = f"{name} exited {counted(len(recent), 'time')} unasked within the last hour ({why}), last {ago} ago"
    rows = [{"why": one.why, "seconds_ago": round(max(0.0, facts.now - one.at))} for one in recent[-5:]]
    return [thresholds.judge("pm2_crashes_per_hour", len(recent), message, object=name, details=rows)]


def _memory(name: str, processes: list[Process], thresholds: Thresholds) -> list[Finding]:
    limited = [process for process in processes if process.max_memory_restart > 0 and process.status == "online"]
    if not limited:
        return []
    largest = max(limited, key=lambda process: process.memory / process.max_memory_restart)
    percent = 100 * largest.memory / largest.max_memory_restart
    message = (f"{name} uses {size(largest.memory)} of the {size(largest.max_memory_restart)}"
               " at which PM2 restarts it")
    return [thresholds.judge("pm2_memory_percent", percent, message, object=name)]


def _port(name: str, port: int, facts: Facts) -> Finding:
    if facts.ports_unseen:
        return Finding("pm2_port", State.UNKNOWN, f"{name}: who owns port {port} could not be seen:"
                       f" {facts.ports_unseen}", object=name)
    owners = facts.port_owners.get(port)
    if owners is None:
        return Finding("pm2_port", State.CRITICAL, f"nobody listens on port {port} of {name}", value=port,
                       object=name, remedy=RECOVER, reason=ABSENT)
    if not owners:
        return Finding("pm2_port", State.CRITICAL, f"port {port} of {name} belongs to a process that is not PM2's",
                       value=port, object=name, remedy=RECOVER, reason=FOREIGN)
    return Finding("pm2_port", State.OK, f"port {port} of {name} is owned by pid {min(owners)}", value=port,
                   object=name)


def _saved_list(facts: Facts, live: set[str]) -> Finding:
    if facts.saved_unseen:
        return Finding("pm2_saved_list", State.UNKNOWN, f"PM2's saved list could not be read: {facts.saved_unseen}")
    if facts.saved is None:
        return Finding("pm2_saved_list", State.WARNING,
                       "'pm2 save' was never run: no app would come back after a reboot")
    lost, extra = sorted(live - set(facts.saved)), sorted(set(facts.saved) - live)
    if not lost and not extra:
        return Finding("pm2_saved_list", State.OK, "the saved list has the same apps as the running one")
    parts = []
    if lost:
        parts.append(f"{', '.join(lost)} would not come back after a reboot (not saved)")
    if extra:
        parts.append(f"{', '.join(extra)} would come back although it does not run now")
    return Finding("pm2_saved_list", State.WARNING, "; ".join(parts))


def _privacy(facts: Facts) -> Finding:
    if facts.exposed:
        return Finding("pm2_private", State.WARNING,
                       f"every user of this host can read the apps' secrets in {facts.exposed};"
                       f" chmod 0700 {facts.home}")
    return Finding("pm2_private", State.OK, "other users cannot read the apps' environment")


def _metrics(facts: Facts, apps: t.Mapping[str, list[Process]]) -> dict[str, Number]:
    numbers: dict[str, Number] = {"pm2_processes": sum(map(len, apps.values()))}
    for name, processes in apps.items():
        online = [process for process in processes if process.status == "online"]
        numbers[metric("pm2_online", app=name)] = len(online)
        numbers[metric("pm2_restarts", app=name)] = sum(process.restart_time for process in processes)
        numbers[metric("pm2_memory_bytes", app=name)] = sum(process.memory for process in processes)
        numbers[metric("pm2_cpu_percent", app=name)] = round(sum(process.cpu for process in processes), 1)
        if online:
            numbers[metric("pm2_uptime_seconds", app=name)] = round(_uptime(online, facts.now))
        if facts.exits is not None:
            numbers[metric("pm2_crashes_last_hour", app=name)] = len(_recent(facts, name))
    return numbers


def _recent(facts: Facts, name: str) -> list[Exit]:
    return [one for one in facts.exits or () if one.app == name and 0 <= facts.now - one.at <= HOUR]


def _uptime(online: t.Sequence[Process], now: float) -> float:
    """Seconds since the youngest process started."""
    return max(0.0, now - max(process.pm_uptime for process in online) / 1000)
