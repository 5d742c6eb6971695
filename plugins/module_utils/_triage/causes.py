# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""From signs to causes (pure): every suspicion with its facts, without what another one explains."""

from __future__ import annotations

import dataclasses
import typing as t

from .._core.errors import ABSENT, ERRORED, EXHAUSTED, FOREIGN, FULL, SILENT, STARTING, STOPPED
from . import crash
from .signs import Cause, HostSigns, Row

CERTAIN, LIKELY = "certain", "likely"
HEALTHY, UNKNOWN = "healthy", "unknown"
FULL_PERCENT = 98.0
CLOCK_SECONDS = 30.0
RECENT_RELEASE_SECONDS = 3600.0
RECENT_KILL_SECONDS = 900.0

# In the order in which they are dealt with: what others stand on comes first.
REMEDIES: dict[str, str] = {
    "host_unreachable": "",
    "disk_full": "vendhub.ops.free_disk",
    "postgresql_starting": "",
    "postgresql_down": "",
    "postgresql_silent": "",
    "postgresql_exhausted": "vendhub.ops.release_connections",
    "redis_starting": "",
    "redis_down": "",
    "redis_silent": "",
    "redis_full": "vendhub.ops.free_redis_memory",
    "out_of_memory": "",
    "pm2_daemon_dead": "",
    "pm2_daemon_hung": "",
    "port_stolen": "",
    "app_absent": "",
    "app_stopped": "",
    "bad_release": "vendhub.ops.rollback",
    "crash_loop": "vendhub.ops.fix_crash_loop",
    "proxy_down": "",
    "clock_off": "",
    "certificate_expired": "vendhub.ops.renew_certificates",
    UNKNOWN: "",
}
ORDER = tuple(REMEDIES)

_SERVING = frozenset({"api", "web", "postgresql", "redis"})  # trouble on other hosts comes last
_SERVERS = frozenset({"postgresql_starting", "postgresql_down", "postgresql_silent", "postgresql_exhausted",
                      "redis_starting", "redis_down", "redis_silent", "redis_full"})
_APP = frozenset({"app_absent", "app_stopped", "crash_loop", "bad_release", UNKNOWN})
_OF_AN_APP = frozenset({"port_stolen", "app_absent", "app_stopped", "bad_release", "crash_loop"})
_DAEMON = frozenset({"pm2_daemon_dead", "pm2_daemon_hung"})
# A cause explains these on its own host, and those on every host.
_HERE: dict[str, frozenset[str]] = {
    "disk_full": _SERVERS | _APP | _DAEMON | {"proxy_down"},
    "out_of_memory": _SERVERS | _APP | _DAEMON | {"proxy_down"},
    "pm2_daemon_dead": _APP | {"port_stolen"},
    "pm2_daemon_hung": _APP | {"port_stolen"},
    "port_stolen": _APP,
    "app_absent": frozenset({UNKNOWN, "crash_loop"}),
    "app_stopped": frozenset({UNKNOWN, "crash_loop"}),
    "bad_release": frozenset({UNKNOWN, "crash_loop"}),
    "crash_loop": frozenset({UNKNOWN}),
    "clock_off": frozenset({"certificate_expired"}),
}
_EVERYWHERE: dict[str, frozenset[str]] = {
    **dict.fromkeys(_SERVERS, frozenset({"crash_loop", "bad_release", UNKNOWN})),
}
_KEEPS_SERVERS = frozenset({"disk_full", "out_of_memory", "host_unreachable"})


def triage(hosts: t.Sequence[HostSigns]) -> list[Cause]:
    """The root causes, the one to deal with first at the head; empty when nothing is wrong that takes a site down."""
    proven = _proven(hosts)
    found = [cause for host in hosts for cause in _suspicions(host, proven)]
    groups = {host.name: host.groups for host in hosts}
    roots = [cause for cause in found if not any(_explains(one, cause, groups) for one in found)]
    return sorted(roots, key=lambda cause: (not groups[cause.host] & _SERVING, ORDER.index(cause.kind),
                                            cause.confidence != CERTAIN, cause.host))


def _proven(hosts: t.Sequence[HostSigns]) -> frozenset[str]:
    """The releases that serve well on some host, so that they are not to blame elsewhere."""
    return frozenset(_label(host.release.current) for host in hosts if host.release.current
                     and host.named("api_health", "ok") and not host.named("api_health", "critical")
                     and not _crashing(host))


def _label(release: str) -> str:
    """What the same release is called on every host: the end of its id."""
    return release.rpartition("-")[2]


def _suspicions(host: HostSigns, proven: frozenset[str]) -> t.Iterator[Cause]:
    if not host.reached:
        yield _cause("host_unreachable", host, CERTAIN, [f"{host.name} could not be reached over SSH"])
        return
    yield from _disk(host)
    yield from _postgresql(host)
    yield from _redis(host)
    yield from _memory(host)
    yield from _daemon(host)
    yield from _apps(host, proven)
    yield from _web(host)
    yield from _clock(host)


def _disk(host: HostSigns) -> t.Iterator[Cause]:
    mounts = {_object(row) for row in host.named("disk_percent")}
    needed = {_mount_of(path, mounts) for path in host.data}
    for name in ("disk_percent", "inodes_percent"):
        for row in host.named(name, "critical"):
            if _number(row) >= FULL_PERCENT and _object(row) in needed:
                yield _cause("disk_full", host, CERTAIN, [_said(row)], _object(row))


def _mount_of(path: str, mounts: t.Collection[str]) -> str:
    """The mount on which a path lies."""
    above = [mount for mount in mounts if path == mount or path.startswith(mount.rstrip("/") + "/")]
    return max(above, key=len, default="/")


def _postgresql(host: HostSigns) -> t.Iterator[Cause]:
    for row in host.named("postgresql_reachable", "critical"):
        kind = {EXHAUSTED: "postgresql_exhausted", SILENT: "postgresql_silent",
                STARTING: "postgresql_starting"}.get(_reason(row), "postgresql_down")
        yield _cause(kind, host, CERTAIN if _reason(row) else LIKELY, [_said(row)])
        return
    for row in host.named("postgresql_connections_percent", "critical"):
        if _number(row) >= FULL_PERCENT:
            yield _cause("postgresql_exhausted", host, CERTAIN, [_said(row)])


def _redis(host: HostSigns) -> t.Iterator[Cause]:
    for row in [*host.named("redis_memory_percent", reason=FULL), *host.named("redis_reachable", reason=FULL)]:
        yield _cause("redis_full", host, CERTAIN, [_said(row)])
        return
    for row in host.named("redis_reachable", "critical"):
        kind = {SILENT: "redis_silent", STARTING: "redis_starting"}.get(_reason(row), "redis_down")
        yield _cause(kind, host, CERTAIN if _reason(row) else LIKELY, [_said(row)])


def _memory(host: HostSigns) -> t.Iterator[Cause]:
    for row in host.named("oom_kills"):
        recent = [one for one in row.get("details", ()) if one.get("seconds_ago", RECENT_KILL_SECONDS)
                  < RECENT_KILL_SECONDS]
        if recent and _suffering(host):
            names = ", ".join(sorted({f"{one.get('name', '?')} {one['seconds_ago']} s ago" for one in recent}))
            yield _cause("out_of_memory", host, CERTAIN, [f"the kernel killed {names} for lack of memory"])


def _daemon(host: HostSigns) -> t.Iterator[Cause]:
    for row in host.named("pm2_reachable", "critical"):
        kind = "pm2_daemon_hung" if _reason(row) == SILENT else "pm2_daemon_dead"
        yield _cause(kind, host, CERTAIN, [_said(row)])


def _apps(host: HostSigns, proven: frozenset[str]) -> t.Iterator[Cause]:
    for row in host.named("pm2_port", "critical", FOREIGN):
        yield _cause("port_stolen", host, CERTAIN, [_said(row)], _object(row))
    for row in host.named("pm2_app", "critical", ABSENT):
        yield _cause("app_absent", host, CERTAIN, [_said(row)], _object(row))
    for row in host.named("pm2_app", "critical", STOPPED):
        yield _cause("app_stopped", host, CERTAIN, [_said(row)], _object(row))
    crashing = _crashing(host)
    sick = [row for row in host.findings if row.get("name") in ("api_health", "pm2_port")
            and row.get("state") == "critical"]
    for app, facts in crashing.items():
        yield _why_it_crashes(host, app, facts, proven)
    if sick and not crashing:
        facts = [_said(row) for row in sick]
        if _fresh(host, proven):
            yield _cause("bad_release", host, LIKELY, [*facts, _activated(host)])
        else:
            yield _cause(UNKNOWN, host, LIKELY, facts)


def _why_it_crashes(host: HostSigns, app: str, facts: t.Sequence[str], proven: frozenset[str]) -> Cause:
    why = host.crash_reasons.get(app, crash.UNKNOWN)
    told = [*facts, *([f"{app} says why: {why.replace('_', ' ')}"] if why != crash.UNKNOWN else [])]
    outside = why in (crash.DEPENDENCY_DOWN, crash.DISK_FULL)  # who holds the port is seen, and explains this one
    if _fresh(host, proven) and not outside and _crashed_since(host, app):
        return _cause("bad_release", host, LIKELY, [*told, _activated(host)], app)
    confidence = CERTAIN if why != crash.UNKNOWN else LIKELY
    return dataclasses.replace(_cause("crash_loop", host, confidence, told, app), why=why)


def _fresh(host: HostSigns, proven: frozenset[str]) -> bool:
    """Whether the release was activated lately, serves well nowhere, and there is one to go back to.

    A time in the future proves nothing.
    """
    ago = host.release.activated_ago
    recent = ago is not None and 0 <= ago <= RECENT_RELEASE_SECONDS
    return recent and bool(host.release.previous_good) and _label(host.release.current) not in proven


def _crashed_since(host: HostSigns, app: str) -> bool:
    """Whether the app exited after the release was activated, as far as anybody counted."""
    ago = host.release.activated_ago or 0.0
    seen = [one.get("seconds_ago") for row in host.named("pm2_crashes_per_hour") if _object(row) == app
            for one in row.get("details", ())]
    return not seen or any(isinstance(seconds, (int, float)) and seconds <= ago for seconds in seen)


def _web(host: HostSigns) -> t.Iterator[Cause]:
    for row in host.named("certificates_reachable", "critical", ABSENT):
        yield _cause("proxy_down", host, CERTAIN, [_said(row)], _object(row))
    expired = [row for row in host.named("certificate_days", "critical") if _number(row) < 0]
    for row in [*expired, *host.named("certificate_begins", "critical")]:
        yield _cause("certificate_expired", host, CERTAIN, [_said(row)], _object(row))


def _clock(host: HostSigns) -> t.Iterator[Cause]:
    ahead = host.clock_ahead_seconds
    if ahead is not None and abs(ahead) > CLOCK_SECONDS:
        word = "ahead of" if ahead > 0 else "behind"
        yield _cause("clock_off", host, CERTAIN, [f"the clock of {host.name} is {abs(ahead):.0f} s {word} the"
                                                  " controller's"])


def _crashing(host: HostSigns) -> dict[str, list[str]]:
    """The expected apps that start again and again, or that PM2 gave up on, with what says so.

    An app that crashed within the hour and serves well now is none of them.
    """
    expected = {_object(row) for row in host.named("pm2_app") if "value" in row}
    ill = {_object(row) for row in host.findings if row.get("name") in ("pm2_app", "pm2_port")
           and row.get("state") != "ok"}
    if host.unstable:
        ill |= {_object(row) for row in host.named("pm2_crashes_per_hour")}
    if host.named("api_health", "critical"):
        ill |= {_object(row) for row in host.named("pm2_port")}
    apps: dict[str, list[str]] = {}
    for row in host.named("pm2_app", reason=ERRORED):
        apps.setdefault(_object(row), []).append(_said(row))
    for row in host.named("pm2_crashes_per_hour"):
        if row.get("state") in ("warning", "critical") and _object(row) in ill:
            apps.setdefault(_object(row), []).append(_said(row))
    return {app: facts for app, facts in apps.items() if app in expected}


def _suffering(host: HostSigns) -> bool:
    """Whether anything that should run here does not; a kill that did no harm is no cause of an outage."""
    names = {"api_health", "pm2_port", "pm2_app", "pm2_reachable", "postgresql_reachable", "redis_reachable",
             "pm2_crashes_per_hour"}
    return any(row.get("name") in names and row.get("state") == "critical" for row in host.findings)


def _explains(cause: Cause, other: Cause, groups: t.Mapping[str, frozenset[str]]) -> bool:
    if cause is other or ORDER.index(cause.kind) > ORDER.index(other.kind):
        return False
    if cause.host == other.host and other.kind in _HERE.get(cause.kind, frozenset()):
        # one app's trouble does not explain another one's
        return cause.kind not in _OF_AN_APP or not other.object or cause.object in ("", other.object)
    if other.kind in _EVERYWHERE.get(cause.kind, frozenset()):
        return True
    # a host that keeps the database or Redis takes the apps of all hosts with it
    keeps = bool(groups.get(cause.host, frozenset()) & {"postgresql", "redis"})
    return keeps and cause.kind in _KEEPS_SERVERS and other.kind in _EVERYWHERE["postgresql_down"]


def _cause(kind: str, host: HostSigns, confidence: str, facts: t.Sequence[str], about: str = "") -> Cause:
    return Cause(kind, host.name, confidence, tuple(facts), about, REMEDIES[kind])


def _activated(host: HostSigns) -> str:
    ago = host.release.activated_ago or 0.0
    return f"{host.release.current} was activated {ago / 60:.0f} minutes ago; {host.release.previous_good} was good"


def _said(row: Row) -> str:
    return str(row.get("message", ""))


def _object(row: Row) -> str:
    return str(row.get("object", ""))


def _reason(row: Row) -> str:
    return str(row.get("reason", ""))


def _number(row: Row) -> float:
    value = row.get("value")
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else 0.0
