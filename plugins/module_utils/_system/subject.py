# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""The disks, memory and processors of this host as a subject."""

from __future__ import annotations

import os
import typing as t

from .._core.errors import BadOption, CannotLook, OpsError
from .._core.subject import Subject
from .._core.thresholds import Thresholds
from .._core.verdict import Finding, Inspection, Number, State
from . import host, judge, kernel, mounts


def subject(options: t.Mapping[str, t.Any], thresholds: Thresholds, place: t.Optional[host.Host] = None) -> Subject:
    """This host, ready to be looked at."""
    sample, timeout = options["cpu_sample_seconds"], options["timeout_seconds"]
    if not 0.05 <= sample <= 60:
        raise BadOption(f"cpu_sample_seconds must be between 0.05 and 60, not {sample:g}")
    if not 0.001 <= timeout <= 600:
        raise BadOption(f"timeout_seconds must be between 0.001 and 600, not {timeout:g}")
    here = place or host.Host()

    def inspect() -> Inspection:
        return _look(here, options["mounts_ignore"], sample, timeout, thresholds)

    return Subject("system", os.uname().nodename, inspect, deadline_seconds=timeout + sample + 2, service=False)


def _look(here: host.Host, ignore: t.Sequence[str], sample: float, timeout: float, thresholds: Thresholds) \
        -> Inspection:
    findings: list[Finding] = []
    metrics: dict[str, Number] = {}

    def add(name: str, part: t.Callable[[], judge.Judged]) -> None:
        """One table that cannot be read does not hide the others."""
        try:
            found, numbers = part()
        except (OpsError, OSError, ValueError, IndexError) as exc:
            found, numbers = [Finding(name, State.UNKNOWN, f"could not be looked at: {exc}")], {}
        findings.extend(found)
        metrics.update(numbers)

    processor = host.Processor(here)
    known = here.mounts()
    # a file on a dead file server can hold up the walk, so it goes aside
    walk = host.within(lambda: host.deleted_files(here, mounts.on_disk(known), 0.8 * timeout), timeout,
                       "the list of open files")
    add("disk_percent", lambda: judge.disks(host.rooms(mounts.data(known, ignore), timeout), thresholds))
    add("deleted_open_bytes", lambda: judge.deleted(walk(), thresholds))
    add("memory_percent", lambda: judge.memory(kernel.table(here.text("meminfo")), host.cgroup_limit(here, known),
                                               thresholds))
    add("oom_kills", lambda: judge.kills(host.kills(here), thresholds))
    load = [float(word) for word in here.text("loadavg").split()[:3]]
    add("cpu_percent", lambda: judge.processor(processor.percent(sample), os.cpu_count() or 1, load, thresholds))
    metrics.update(judge.pressure(_pressure(here)))
    return Inspection(tuple(findings), metrics)


def _pressure(here: host.Host) -> dict[str, dict[tuple[str, str], float]]:
    found = {}
    for resource in ("cpu", "memory", "io"):
        try:
            found[resource] = kernel.pressure(here.text(f"pressure/{resource}"))
        except CannotLook:
            continue  # a kernel without pressure stall information
    return found
