# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Take the keys of a pattern out of Redis, or plan it: the wiring of redis_keys."""

from __future__ import annotations

import time
import typing as t

from .._core.errors import BadOption, OpsError
from .._core.limits import counted, duration, size
from .connection import CONNECTION_OPTIONS, Address, address
from .facts import Settings, whole
from .globs import PROTECTED, SESSIONS, Keeper, pattern_of, rules, shown
from .link import Link, masters, used_bytes
from .pace_plan import Pace
from .sweep import Sweep, Swept

_FREEING_SECONDS = 5.0  # for the thread of the server that frees large values

PROTECTION_OPTIONS: dict[str, t.Any] = {
    "protected": {"type": "list", "elements": "str", "default": list(PROTECTED)},
    "sessions": {"type": "list", "elements": "str", "default": list(SESSIONS)},
}
PACE_OPTIONS: dict[str, t.Any] = {
    "batch_seconds": {"type": "float", "default": 0.002},
    "share_percent": {"type": "float", "default": 90.0},
    "latency_limit_seconds": {"type": "float", "default": 0.1},
    "patience_seconds": {"type": "float", "default": 10.0},
    "max_seconds": {"type": "float", "default": 600.0},
}
OPTIONS: dict[str, t.Any] = {
    **CONNECTION_OPTIONS,
    "state": {"type": "str", "choices": ["absent"], "default": "absent"},
    "pattern": {"type": "str"},
    "prefix": {"type": "str"},
    **PROTECTION_OPTIONS,
    **PACE_OPTIONS,
}
Result = dict[str, t.Any]


class Stopped(OpsError):
    """It ended before it was complete; ``result`` says how far it came."""

    def __init__(self, message: str, result: Result) -> None:
        super().__init__(message)
        self.result = result


def pace_of(options: t.Mapping[str, t.Any], **fixed: float) -> Pace:
    """The pace these options describe."""
    values: dict[str, float] = {**{name: options[name] for name in PACE_OPTIONS if name in options}, **fixed}
    for name, value in values.items():
        if value <= 0:
            raise BadOption(f"{name} must be above 0, not {value:g}")
    if values["share_percent"] > 100:
        raise BadOption(f"share_percent must be at most 100, not {values['share_percent']:g}")
    return Pace(**values)


def clear(options: t.Mapping[str, t.Any], *, act: bool) -> Result:
    """Unlink the keys, or with ``act`` false count and measure them.

    Stopped says how far it came when the server became slow or sick; running it again goes on.
    """
    where = address(options)
    pattern = pattern_of(options["pattern"], options["prefix"])
    keeper = Keeper(rules(options["protected"], options["sessions"], pattern))
    pace, swept = pace_of(options), Swept()
    began, before, after, servers = time.monotonic(), 0, 0, 0
    error: t.Optional[OpsError] = None
    try:
        for link, info in each_master(where):
            servers += 1
            _refuse_replica(info, act)
            before += used_bytes(info)
            after += used_bytes(info)
            sweep = Sweep(link, pattern, keeper, pace, swept)
            if act:
                sweep.unlink(cluster=info.get("redis_mode") == "cluster")
                after += used_bytes(_freed(link)) - used_bytes(info)
            else:
                sweep.measure()
    except OpsError as exc:
        error = exc
    result = _result(where, pattern, keeper, swept, act)
    result.update(complete=error is None, servers=servers, by_script=swept.by_script, no_script=swept.no_script,
                  batches=pace.batches, slowest_batch_seconds=round(pace.slowest, 4),
                  seconds=round(time.monotonic() - began, 3),
                  memory={"before_bytes": before, "after_bytes": after, "freed_bytes": max(0, before - after)})
    if error is not None:
        result["msg"] = f"{where}: {error}{_so_far(swept)}"
        raise Stopped(result["msg"], result) from error
    result["msg"] = f"{where}: {_said(result, swept, act)}"
    return result


def each_master(where: Address) -> t.Iterator[tuple[Link, Settings]]:
    """Every server that holds keys, connected, with what it says of itself."""
    with Link(where) as first:
        info = first.info()
        found = masters(first, info)
        if found == [where]:
            yield first, info
            return
    for one in found:
        with Link(one) as link:
            yield link, link.info()


def _refuse_replica(info: Settings, act: bool) -> None:
    if act and info.get("role") == "slave" and info.get("slave_read_only", "1") == "1":
        raise OpsError(f"it is a replica; run this on its master {info.get('master_host')}:{info.get('master_port')}")


def _freed(link: Link) -> Settings:
    ends = time.monotonic() + _FREEING_SECONDS
    info = link.info()
    while whole(info, "lazyfree_pending_objects") and time.monotonic() < ends:
        time.sleep(0.05)
        info = link.info()
    return info


def _result(where: Address, pattern: bytes, keeper: Keeper, swept: Swept, act: bool) -> Result:
    kept = {rule.glob: number for rule, number in zip(keeper.rules, swept.kept) if number}
    number = swept.unlinked if act else swept.keys
    planned = {} if act else {"bytes": swept.bytes, "bytes_known": swept.measured > 0 or not swept.keys,
                              "bytes_estimated": swept.measured < swept.keys}
    return {"changed": number > 0, "target": str(where), "pattern": shown(pattern), "key_count": number, "kept": kept,
            **planned}


def _said(result: Result, swept: Swept, act: bool) -> str:
    kept = "".join(f"; {counted(number, 'key')} kept by {glob}" for glob, number in result["kept"].items())
    if not result["key_count"]:
        return f"nothing to clear for {result['pattern']}{kept}"
    number = counted(result["key_count"], "key")
    if act:
        return (f"{number} of {result['pattern']} cleared in {duration(result['seconds'])}, "
                f"{size(result['memory']['freed_bytes'])} freed, the slowest of {result['batches']} batches took "
                f"{duration(result['slowest_batch_seconds'])}{kept}")
    about = "" if not result["bytes_known"] else f", {'about ' if result['bytes_estimated'] else ''}{size(swept.bytes)}"
    unknown = "" if result["bytes_known"] else "; their size is unknown, this user may not use MEMORY USAGE"
    return f"{number} of {result['pattern']} would be cleared{about}{unknown}{kept}"


def _so_far(swept: Swept) -> str:
    if not swept.unlinked:
        return ""
    return f"; {counted(swept.unlinked, 'key')} cleared so far, running it again goes on with the rest"
