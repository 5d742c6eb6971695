# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Judge the room, memory and processors of a host (pure)."""

from __future__ import annotations

import typing as t

from .._core.limits import counted, duration, show, size
from .._core.thresholds import Thresholds
from .._core.verdict import Finding, Number, State, metric
from .facts import Deleted, Kills, Limit, Room

DAY = 86400
Judged = tuple[list[Finding], dict[str, Number]]


def disks(rooms: t.Sequence[Room], thresholds: Thresholds) -> Judged:
    """Bytes (as df counts them: of what an ordinary user may fill) and inodes of each mount."""
    findings: list[Finding] = []
    metrics: dict[str, Number] = {}
    for room in rooms:
        path = printable(room.mount.path)
        if room.fault:
            findings.append(Finding("disk_percent", State.UNKNOWN, object=path, message=f"{path} {room.fault}"
                                    f" ({room.mount.kind} from {printable(room.mount.source)})"))
            continue
        whole = room.used_bytes + room.free_bytes
        if whole > 0:
            percent = 100.0 * room.used_bytes / whole
            findings.append(thresholds.judge(
                "disk_percent", percent, object=path,
                message=f"{path} is {show(percent)} % full, {size(room.free_bytes)} of {size(whole)} free"))
            metrics[metric("disk_percent", mount=path)] = round(percent, 3)
            metrics[metric("disk_used_bytes", mount=path)] = room.used_bytes
            metrics[metric("disk_free_bytes", mount=path)] = room.free_bytes
        if room.inodes > 0:
            percent = 100.0 * (room.inodes - room.inodes_free) / room.inodes
            findings.append(thresholds.judge(
                "inodes_percent", percent, object=path,
                message=f"{path} has {show(percent)} % of its inodes in use, {room.inodes_free} free"))
            metrics[metric("inodes_percent", mount=path)] = round(percent, 3)
    if not rooms:
        findings.append(Finding("disk_percent", State.UNKNOWN, "no mount that holds data was found"))
    return findings, metrics


def deleted(found: Deleted, thresholds: Thresholds) -> Judged:
    """Deleted files that still take room because a process holds them open."""
    words = f"{size(found.bytes)} in deleted files that are still open"
    if found.hidden_processes:
        words += f"; {found.hidden_processes} processes of other users could not be looked at (needs root)"
    if not found.complete:
        words += "; not all open files could be looked at in time"
    rows = [{**row, "name": printable(row["name"]), "path": printable(row["path"])}
            for row in found.files if row["bytes"]]
    return ([thresholds.judge("deleted_open_bytes", found.bytes, words, details=rows)],
            {"deleted_open_bytes": found.bytes, "deleted_open_hidden_processes": found.hidden_processes})


def memory(info: t.Mapping[str, int], limit: t.Optional[Limit], thresholds: Thresholds) -> Judged:
    """Memory by what the kernel calls available, the control group's limit when it is tighter, and swap."""
    total, available = info.get("MemTotal", 0), info.get("MemAvailable")
    if not total or available is None:
        return [Finding("memory_percent", State.UNKNOWN, "the kernel does not say how much memory is available")], {}
    findings = []
    percent = 100.0 * (total - available) / total
    metrics: dict[str, Number] = {"memory_percent": round(percent, 3), "memory_total_bytes": total,
                                  "memory_available_bytes": available}
    findings.append(thresholds.judge(
        "memory_percent", percent, f"{show(percent)} % of the memory is in use, {size(available)} of {size(total)}"
        " available"))
    if limit is not None and 0 < limit.limit_bytes < total:
        percent = 100.0 * limit.used_bytes / limit.limit_bytes
        metrics[metric("memory_percent", scope="cgroup")] = round(percent, 3)
        findings.append(thresholds.judge(
            "memory_percent", percent, object="cgroup",
            message=f"{show(percent)} % of the control group's limit of {size(limit.limit_bytes)} is in use"))
    swap, unused = info.get("SwapTotal", 0), info.get("SwapFree", 0)
    percent = 100.0 * (swap - unused) / swap if swap else 0.0
    words = f"{show(percent)} % of {size(swap)} swap is in use" if swap else "there is no swap"
    findings.append(thresholds.judge("swap_percent", percent, words))
    metrics["swap_percent"] = round(percent, 3)
    return findings, metrics


def kills(found: Kills, thresholds: Thresholds) -> Judged:
    """Processes that the kernel killed within a day; without its log, what its counter allows to say."""
    metrics: dict[str, Number] = {} if found.since_boot is None else {"oom_kills_since_boot": found.since_boot}
    if found.log is not None:
        recent = [kill for kill in found.log if found.uptime_seconds - kill.seconds <= DAY]
        rows = [{"pid": kill.pid, "name": printable(kill.name),
                 "seconds_ago": round(max(0.0, found.uptime_seconds - kill.seconds))} for kill in recent[-10:]]
        names = ", ".join(sorted({str(row["name"]) for row in rows}))
        lost = max(0, (found.since_boot or 0) - len(found.log))
        count = len(recent) + (lost if found.uptime_seconds <= DAY else 0)
        words = f"{counted(count, 'process was', 'processes were')} killed for lack of memory within a day"
        words += f": {names}" if recent else ""
        reach = found.uptime_seconds - found.log_seconds
        if lost and reach < DAY:
            words += f"; {lost} before the kernel's log begins, {duration(reach)} ago"
        metrics["oom_kills"] = count
        return [thresholds.judge("oom_kills", count, words, details=rows)], metrics
    since = f"since the boot {duration(found.uptime_seconds)} ago"
    if found.since_boot is None:
        return [Finding("oom_kills", State.UNKNOWN, "neither the kernel's log nor its counter of kills can be read")], \
            metrics
    words = f"{counted(found.since_boot, 'process was', 'processes were')} killed for lack of memory {since}"
    if found.since_boot and found.uptime_seconds > DAY:
        return [Finding("oom_kills", State.UNKNOWN, f"{words}; whether within a day stands in the kernel's log, which"
                        " only root can read", value=found.since_boot, unit="kills")], metrics
    return [thresholds.judge("oom_kills", found.since_boot, words)], metrics


def processor(percent: t.Optional[float], processors: int, load: t.Sequence[float], thresholds: Thresholds) -> Judged:
    """Use of all processors together; load is told, not judged: it counts waiting for disks as well."""
    metrics: dict[str, Number] = {"cpu_count": processors}
    metrics.update(zip(("load1", "load5", "load15"), load))
    if percent is None:
        return [Finding("cpu_percent", State.UNKNOWN, "no processor time passed while it was measured")], metrics
    metrics["cpu_percent"] = round(percent, 3)
    words = f"{show(percent)} % of {processors} processors in use"
    if load:
        words += f", load {show(load[0])}"
    return [thresholds.judge("cpu_percent", percent, words)], metrics


def pressure(found: t.Mapping[str, t.Mapping[tuple[str, str], float]]) -> dict[str, Number]:
    """Pressure stall numbers for trends."""
    return {metric("pressure_percent", resource=resource, kind=kind, window=window): value
            for resource, values in found.items() for (kind, window), value in values.items()}


def printable(name: str) -> str:
    """A file name as text that any terminal and JSON reader takes."""
    text = name.encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)
