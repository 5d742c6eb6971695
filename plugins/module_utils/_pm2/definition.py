# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""What an ecosystem file says of its apps, and what the user lays over it."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from .._core.errors import BadOption
from .._core.limits import size
from .apps import texts

_BYTES = re.compile(r"(\d+)([KMG]?)")
_TIME = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|)")
_UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}
_MILLISECONDS = {"": 1, "ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000}


@dataclasses.dataclass(frozen=True)
class Definition:
    """One app as it shall be; None means that PM2's default or the present value may stay. Times in milliseconds."""

    name: str
    script: str
    cwd: str
    exec_mode: str
    instances: int
    max_memory_restart: t.Optional[int] = None
    wait_ready: t.Optional[bool] = None
    listen_timeout: t.Optional[int] = None
    kill_timeout: t.Optional[int] = None
    environment: t.Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False)


def definition(row: t.Mapping[str, t.Any]) -> Definition:
    """One app of those that the loader printed; BadOption names the value that makes no sense."""
    name = str(row["name"])
    try:
        return Definition(
            name=name, script=row["script"], cwd=row["cwd"], exec_mode=row["exec_mode"], instances=row["instances"],
            max_memory_restart=None if row.get("max_memory_restart") is None else in_bytes(row["max_memory_restart"]),
            wait_ready=row.get("wait_ready"),
            listen_timeout=_milliseconds(row.get("listen_timeout")),
            kill_timeout=_milliseconds(row.get("kill_timeout")),
            environment=texts(row["environment"]),
        )
    except ValueError as exc:
        raise BadOption(f"the app {name}: {exc}") from exc


def in_bytes(text: t.Union[str, int, float]) -> int:
    """A size as PM2 reads it: ``300M``, ``1G``, or plain bytes; ValueError for anything else."""
    match = _BYTES.fullmatch(str(text).strip())
    if match is None:
        raise ValueError(f"max_memory_restart is {str(text)!r}, not a size like 300M or 1G")
    return int(match.group(1)) * _UNITS[match.group(2)]


def too_much(apps: t.Iterable[Definition], ram: int, share_percent: float) -> str:
    """Why these memory limits do not fit into the host's RAM; empty when they do."""
    limited = [app for app in apps if app.max_memory_restart]
    total = sum(app.instances * (app.max_memory_restart or 0) for app in limited)
    if total <= ram * share_percent / 100:
        return ""
    parts = ", ".join(f"{app.instances} x {size(app.max_memory_restart or 0)} for {app.name}" for app in limited)
    return (f"max_memory_restart allows {size(total)} ({parts}), but only {share_percent:g} % of this host's"
            f" {size(ram)} may be given away: lower the limit or the number of instances")


def _milliseconds(value: t.Union[str, int, float, None]) -> t.Optional[int]:
    if value is None:
        return None
    match = _TIME.fullmatch(str(value).strip())
    if match is None:
        raise ValueError(f"{str(value)!r} is not a time in milliseconds")
    return int(float(match.group(1)) * _MILLISECONDS[match.group(2)])
