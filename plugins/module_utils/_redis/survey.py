# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Look what takes the memory of Redis, within a budget of keys and seconds: the wiring of redis_memory_info."""

from __future__ import annotations

import math
import time
import typing as t

from .._core.errors import BadOption
from .._core.limits import counted, duration, show, size
from .census import BIG_BYTES, Big, Census, Share, together
from .clear import PROTECTION_OPTIONS, each_master, pace_of
from .client import Refused
from .connection import CONNECTION_OPTIONS, Address, address
from .facts import Settings, number, whole
from .globs import Keeper, rules, shown, to_bytes
from .judge import memory
from .link import Link
from .pace_plan import Pace, TooSlow
from .sweep import STATES

OPTIONS: dict[str, t.Any] = {
    **CONNECTION_OPTIONS,
    "separator": {"type": "str", "default": ":"},
    "depth": {"type": "int", "default": 2},
    "prefixes": {"type": "int", "default": 20},
    "biggest": {"type": "int", "default": 10},
    "max_keys": {"type": "int", "default": 100000, "no_log": False},  # a number of keys, no secret
    "max_seconds": {"type": "float", "default": 15.0},
    "batch_seconds": {"type": "float", "default": 0.002},
    "share_percent": {"type": "float", "default": 50.0},
    "latency_limit_seconds": {"type": "float", "default": 0.1},
    "patience_seconds": {"type": "float", "default": 5.0},
    **PROTECTION_OPTIONS,
}
Result = dict[str, t.Any]
_LOOK = b"""
local reply = redis.call('SCAN', ARGV[1], 'COUNT', ARGV[2])
local bytes, ttl = {}, {}
for at = 1, #reply[2] do
  bytes[at] = redis.call('MEMORY', 'USAGE', reply[2][at]) or 0
  ttl[at] = redis.call('PTTL', reply[2][at])
end
return {reply[1], reply[2], bytes, ttl}
"""


class _Look:
    """One server's keys in batches, by a script or by plain commands, for as long as the budget lasts."""

    def __init__(self, link: Link, pace: Pace, census: Census) -> None:
        self._link = link
        self._pace = pace
        self._census = census
        self._script = True
        self.measured = True

    def walk(self, most: int) -> bool:
        """Look at so many keys; whether these were all. TooSlow ends it before."""
        cursor = b"0"
        while True:
            asked = self._pace.keys
            cursor, keys, sizes, ttls = self._batch(cursor)
            for key, bytes_, ttl in zip(keys, sizes, ttls):
                self._census.add(key, bytes_, ttl)
            if cursor == b"0":
                return True
            if self._census.seen >= most:
                return False
            time.sleep(self._pace.after(asked, self._link.waited, time.monotonic()))

    def _batch(self, cursor: bytes) -> tuple[bytes, list[bytes], list[int], list[int]]:
        if self._script:
            (reply,) = self._link.all(("EVAL", _LOOK, 0, cursor, self._pace.keys))
            if not isinstance(reply, Refused):
                following, keys, sizes, ttls = reply
                return following, keys, sizes, ttls
            if reply.word in STATES:
                raise self._link.refusal(reply, "EVAL")
            self._script = False
        following, keys = self._link.ask("SCAN", cursor, "COUNT", self._pace.keys)
        replies = self._link.all(*(("MEMORY", "USAGE", key) for key in keys), *(("PTTL", key) for key in keys)) \
            if keys else []
        self.measured = self.measured and not any(isinstance(one, Refused) for one in replies)
        numbers = [one if isinstance(one, int) else 0 for one in replies]
        return following, keys, numbers[:len(keys)], numbers[len(keys):]


def survey(options: t.Mapping[str, t.Any]) -> Result:
    """What takes the memory, by prefix and by key."""
    where = address(options)
    _validate(options)
    keeper = Keeper(rules(options["protected"], options["sessions"]))
    pace = pace_of(options)
    began = time.monotonic()
    infos: list[Settings] = []
    found: list[tuple[Census, float]] = []
    types: dict[bytes, str] = {}
    complete, measured, stopped = True, True, ""
    for link, info in each_master(where):
        infos.append(info)
        census = Census(to_bytes(options["separator"]), options["depth"], keeper, options["biggest"], len(infos))
        look = _Look(link, pace, census)
        try:
            complete = look.walk(options["max_keys"]) and complete
        except TooSlow as exc:
            complete, stopped = False, str(exc)
        held = link.ask("DBSIZE")
        found.append((census, max(1.0, held / census.seen) if census.seen and not complete else 1.0))
        measured = measured and look.measured
        types.update(_types(link, census.biggest))
    shares, biggest = together(found)
    seen, held = sum(census.seen for census, dummy in found), sum(_keys(info, where.database) for info in infos)
    result: Result = {
        "target": str(where), "server": _server(infos, where), "key_count": held,
        "sample": {"key_count": seen, "complete": complete, "seconds": round(time.monotonic() - began, 3),
                   "slowest_batch_seconds": round(pace.slowest, 4), "stopped": stopped, "measured": measured},
        "prefixes": [_prefix_row(prefix, share) for prefix, share in shares[:options["prefixes"]]],
        "biggest": [_key_row(one, types.get(one.key, ""), keeper) for one in biggest[:options["biggest"]]],
    }
    result["report"] = _report(result)
    result["msg"] = f"{where}: {result['report'][0]}"
    return result


def _validate(options: t.Mapping[str, t.Any]) -> None:
    if not options["separator"]:
        raise BadOption("separator must not be empty")
    for name, least, most in (("depth", 1, 10), ("prefixes", 1, 1000), ("biggest", 0, 1000), ("max_keys", 1, 10**9)):
        if not least <= options[name] <= most:
            raise BadOption(f"{name} must be between {least} and {most}, not {options[name]}")


def _types(link: Link, keys: t.Sequence[Big]) -> dict[bytes, str]:
    replies = link.all(*(("TYPE", one.key) for one in keys)) if keys else []
    return {one.key: reply.decode() for one, reply in zip(keys, replies) if isinstance(reply, bytes)}


def _keys(info: Settings, database: int) -> int:
    fields = dict(pair.split("=", 1) for pair in info.get(f"db{database}", "").split(",") if "=" in pair)
    return whole(fields, "keys")


def _server(infos: t.Sequence[Settings], where: Address) -> Result:
    first, sums = infos[0], [memory(info) for info in infos]
    limit = sum(row[1] for row in sums) if all(row[2] for row in sums) else 0
    used = sum(row[0] for row in sums)
    ratio = number(first, "mem_fragmentation_ratio")
    others = sorted(name for info in infos for name in info if name[:2] == "db" and name[2:].isdigit()
                    and name != f"db{where.database}")
    return {
        "version": first.get("redis_version", ""), "role": "replica" if first.get("role") == "slave" else "master",
        "servers": len(infos), "used_bytes": used, "limit_bytes": limit,
        "percent": round(100 * used / limit, 1) if limit else None, "policy": first.get("maxmemory_policy", ""),
        "overhead_bytes": sum(whole(info, "used_memory_overhead") for info in infos),
        "clients_bytes": sum(whole(info, "mem_clients_normal") for info in infos),
        "fragmentation_ratio": None if math.isnan(ratio) else ratio,
        "evicted_keys": sum(whole(info, "evicted_keys") for info in infos),
        "other_databases": {name[2:]: sum(_keys(info, int(name[2:])) for info in infos) for name in others},
    }


def _prefix_row(prefix: bytes, share: Share) -> Result:
    return {"prefix": shown(prefix), "key_count": round(share.keys), "bytes": round(share.bytes),
            "lasting_keys": round(share.lasting), "protected_keys": round(share.kept)}


def _key_row(one: Big, kind: str, keeper: Keeper) -> Result:
    rule = keeper.rule(one.key)
    return {"key": shown(one.key), "bytes": one.size, "type": kind,
            "ttl_seconds": one.ttl_ms // 1000 if one.ttl_ms >= 0 else None,
            "protected_by": "" if rule is None else keeper.rules[rule].glob}


def _report(result: Result) -> list[str]:
    """The result as lines to read."""
    server, sample = result["server"], result["sample"]
    limit = f"{size(server['used_bytes'])} of {size(server['limit_bytes'])} maxmemory used" if server["limit_bytes"] \
        else f"{size(server['used_bytes'])} used, there is no maxmemory"
    seen = f"all {counted(sample['key_count'], 'key')}" if sample["complete"] \
        else f"{sample['key_count']} of {counted(result['key_count'], 'key')}, the rest estimated"
    stopped = f"; {sample['stopped']}" if sample["stopped"] else ""
    lines = [f"{limit}, policy {server['policy'] or 'unknown'}; looked at {seen}, in {duration(sample['seconds'])}"
             f"{stopped}"]
    if not sample["measured"]:
        lines.append("Sizes are unknown: this user may not use MEMORY USAGE (+memory|usage).")
    for row in result["prefixes"]:
        notes = []
        for some, what in ((row["lasting_keys"], "never expire"), (row["protected_keys"], "protected")):
            if some:
                notes.append(what if some >= row["key_count"] else f"{some} {what}")
        lines.append(f"{size(row['bytes']):>10}  {row['key_count']:>9}  {row['prefix'] or '(no prefix)'}"
                     f"{'  (' + ', '.join(notes) + ')' if notes else ''}")
    lines += [f"big key: {size(row['bytes'])} {row['type']} {row['key']}"
              f"{' (protected)' if row['protected_by'] else ''}"
              for row in result["biggest"][:5] if row["bytes"] >= BIG_BYTES]
    data, told = server["used_bytes"] - server["overhead_bytes"], sum(row["bytes"] for row in result["prefixes"])
    if sample["measured"] and not sample["complete"] and told < 0.7 * data:
        lines.append(f"the keys that were seen stand for {size(told)} of {size(data)} of data: a big key may be among "
                     f"the others, raise max_keys")
    lines += [f"database {name} holds {counted(keys, 'key')} more"
              for name, keys in server["other_databases"].items()]
    if server["clients_bytes"] > server["used_bytes"] / 4:
        lines.append(f"{size(server['clients_bytes'])} are buffers of clients: clearing keys does not free them")
    ratio = server["fragmentation_ratio"]
    if ratio and ratio > 1.5 and server["used_bytes"] > 100 * 2**20:
        lines.append(f"the process takes {show(ratio)} times as much as it uses: fragmentation")
    return lines
