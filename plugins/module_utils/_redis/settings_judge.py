# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""What a change of Redis' settings changes, and what it puts at risk. Values in, values out."""

from __future__ import annotations

import dataclasses
import typing as t

from .._core.errors import BadOption
from .._core.limits import counted, size
from .facts import COMPARED, Settings, file_settings, normal

# what holds a secret would be seen in results and differences
_SECRETS = ("requirepass", "masterauth", "tls-key-file-pass", "tls-client-key-file-pass")
_RAM_PERCENT = 80  # a snapshot needs memory of its own


class Risk(t.NamedTuple):
    """What may go wrong; ``stops`` when it must be accepted first."""

    text: str
    stops: bool


@dataclasses.dataclass(frozen=True)
class Held:
    """How many keys there are of those that must not be evicted."""

    queues: int = 0
    revoked: int = 0
    sessions: int = 0
    unseen: bool = False  # not every key was looked at


def wanted(settings: t.Mapping[str, t.Any]) -> dict[str, str]:
    """The settings an option means, as Redis takes them."""
    found = {}
    for given, value in settings.items():
        name = str(given).lower()
        if not name.replace("-", "").isalnum():
            raise BadOption(f"{given!r} is no name of a setting")
        if name in _SECRETS:
            raise BadOption(f"{name} is a secret, which would be seen in results and differences: set it in the file")
        if isinstance(value, (dict, list)) or value is None:
            raise BadOption(f"the value of {name} must be a text or a number")
        found[name] = ("yes" if value else "no") if isinstance(value, bool) else str(value).strip()
    if not found:
        raise BadOption("settings must name one setting at least")
    return found


def same(one: str, other: str) -> bool:
    """Whether two values mean the same: ``512mb`` and ``536870912``, in any case and with any blanks."""
    return normal({"maxmemory": one}) == normal({"maxmemory": other})


def as_bytes(value: str) -> int:
    """A size of memory as a number; 0, no limit, for what is none: Redis itself will refuse that."""
    digits = normal({"maxmemory": value})["maxmemory"]
    return int(digits) if digits.isdigit() else 0


def in_order(changes: Settings, before: Settings) -> list[str]:
    """The names in an order that throws nothing away on the way: room first, what takes room away last."""
    old, new = as_bytes(before.get("maxmemory", "0")), as_bytes(changes.get("maxmemory", "0"))
    room = not new or (old and new >= old)
    return sorted(changes, key=lambda name: (-1 if room else 1) if name == "maxmemory" else 0)


def in_file(lines: t.Sequence[str], names: t.Iterable[str], version: str) -> dict[str, str]:
    """What the file says of these settings, defaults included where they are known."""
    found: dict[str, str] = {}
    for line in lines:
        name, dummy, value = line.strip().partition(" ")
        found[name.lower()] = value.strip().strip("\"'")
    found.update(file_settings(lines, version))
    return {name: found[name] for name in names if name in found or name in COMPARED}


def risks(after: Settings, used_bytes: int, ram_bytes: int, held: Held) -> list[Risk]:
    """What memory and policy, as they would be, mean for what the server holds."""
    policy, limit = after.get("maxmemory-policy", ""), as_bytes(after.get("maxmemory", "0"))
    found = []
    if limit and limit < used_bytes:
        then = "writes are refused at once" if policy == "noeviction" else "keys are thrown away at once"
        found.append(Risk(f"maxmemory {size(limit)} is less than the {size(used_bytes)} that are used: {then}", True))
    if ram_bytes and limit > ram_bytes * _RAM_PERCENT / 100:
        found.append(Risk(f"maxmemory {size(limit)} is more than {_RAM_PERCENT} % of the {size(ram_bytes)} of RAM: a "
                          f"snapshot needs memory too", False))
    if not limit and policy != "noeviction":
        found.append(Risk(f"{policy} does nothing as long as maxmemory is 0", False))
    when = "" if limit else " as soon as there is a maxmemory"
    if policy.startswith("allkeys-"):
        for number, what, then in ((held.queues, "queues", "jobs are lost without an error"),
                                   (held.revoked, "revoked tokens", "they are valid again")):
            if number:
                found.append(Risk(f"{policy} may throw away {counted(number, 'key')} of {what}{when}: {then}", True))
        if held.unseen and not held.queues:
            found.append(Risk(f"{policy} may throw away queues{when}; not every key was looked at", True))
    which = " (those that expire)" if policy.startswith("volatile-") else ""
    if which and held.revoked:
        found.append(Risk(f"{policy} may throw away {counted(held.revoked, 'key')} of revoked tokens{which}{when}: "
                          f"they are valid again", False))
    if policy != "noeviction" and held.sessions:
        found.append(Risk(f"{policy} may throw away {counted(held.sessions, 'key')} of sessions{which}{when}: people "
                          f"are logged out", False))
    return found
