# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Walk over all keys of a server in small batches: count and measure, list, or unlink those of a pattern.

A script on the server does each batch, so that names need not travel; where scripts are forbidden, plain commands do.
"""

from __future__ import annotations

import dataclasses
import time
import typing as t

from .._core.redact import redact
from .client import Refused, Word
from .globs import Keeper
from .link import Link
from .pace_plan import Pace

_CHUNK = 500  # keys of one UNLINK: a script has room for some thousand arguments
_MEASURED_FULLY = 10_000
_MEASURED_OF_REST = 20  # of so many keys one is measured

# states of the server, which plain commands would meet as well
STATES = ("LOADING", "MASTERDOWN", "MISCONF", "BUSY", "CLUSTERDOWN", "READONLY", "NOAUTH", "DENIED")

_HEAD = b"""
if redis.replicate_commands then redis.replicate_commands() end
local reply = redis.call('SCAN', ARGV[1], 'MATCH', ARGV[2], 'COUNT', ARGV[3])
local free, kept = {}, {}
for rule = 5, #ARGV do kept[rule - 4] = 0 end
for at = 1, #reply[2] do
  local key, rule = reply[2][at], 5
  while rule <= #ARGV and not string.find(key, ARGV[rule]) do rule = rule + 1 end
  if rule > #ARGV then free[#free + 1] = key else kept[rule - 4] = kept[rule - 4] + 1 end
end
local one, two = 0, 0
"""
_TAIL = b"""
return {reply[1], kept, #free, one, two}
"""
# ARGV[4]: how many keys one UNLINK may have
_UNLINK = _HEAD + b"""
local most = tonumber(ARGV[4])
for first = 1, #free, most do
  one = one + redis.call('UNLINK', unpack(free, first, math.min(first + most - 1, #free)))
end
""" + _TAIL
# ARGV[4]: how many keys are measured
_MEASURE = _HEAD + b"""
for at = 1, math.min(#free, tonumber(ARGV[4])) do
  local bytes = redis.call('MEMORY', 'USAGE', free[at])
  if bytes then one, two = one + 1, two + bytes end
end
""" + _TAIL


@dataclasses.dataclass
class Swept:
    """What a walk has met so far."""

    keys: int = 0  # those that match and are not kept
    unlinked: int = 0
    measured: int = 0
    measured_bytes: int = 0
    kept: list[int] = dataclasses.field(default_factory=list)
    no_script: str = ""  # why no script does it

    @property
    def by_script(self) -> bool:
        """Whether scripts on the server do it."""
        return not self.no_script

    @property
    def bytes(self) -> int:
        """What the keys take, estimated from those that were measured."""
        return round(self.measured_bytes * self.keys / self.measured) if self.measured else 0


class Sweep:
    """A walk over one server; ``swept`` is true at any moment, also when a walk was stopped."""

    def __init__(self, link: Link, pattern: bytes, keeper: Keeper, pace: Pace, swept: Swept) -> None:
        self._link = link
        self._pattern = pattern
        self._keeper = keeper
        self._patterns = [rule.lua() for rule in keeper.rules]
        self._pace = pace
        self._swept = swept
        self._waiting: list[bytes] = []  # found by a SCAN and not unlinked yet

    def unlink(self, *, cluster: bool) -> None:
        """Unlink every key of the pattern that no rule keeps."""
        most = 1 if cluster else _CHUNK  # keys of several slots may not be in one command
        self._walk(lambda cursor: self._script(_UNLINK, cursor, most), lambda cursor: self._unlink(cursor, most))
        self._drop(most)

    def measure(self) -> None:
        """Count every key of the pattern that no rule keeps, and measure the first ones and some of the rest."""
        self._walk(lambda cursor: self._script(_MEASURE, cursor, self._quota()), self._measure)

    def count(self) -> None:
        """Count what the rules keep, and the others, without measuring any."""
        self._walk(lambda cursor: self._script(_MEASURE, cursor, 0), self._count)

    def _count(self, cursor: bytes) -> bytes:
        return self._found(self._link.all(self._scan(cursor))[0])[0]

    def _quota(self) -> int:
        fully = self._swept.measured < _MEASURED_FULLY
        # a SCAN may find some more than it was asked for
        return 10 * self._pace.keys if fully else -(-self._pace.keys // _MEASURED_OF_REST)

    def _walk(self, script: t.Callable[[bytes], t.Optional[bytes]], commands: t.Callable[[bytes], bytes]) -> None:
        cursor = b"0"
        while True:
            keys = self._pace.keys
            following = script(cursor) if self._swept.by_script else None
            if following is None:
                following = commands(cursor)
            cursor = following
            pause = self._pace.after(keys, self._link.waited, time.monotonic())
            if cursor == b"0":
                return
            time.sleep(pause)

    def _script(self, script: bytes, cursor: bytes, argument: int) -> t.Optional[bytes]:
        """One batch by a script; None when this user or server has none, or the script may not do it."""
        (reply,) = self._link.all(("EVAL", script, 0, cursor, self._pattern, self._pace.keys, argument,
                                   *self._patterns))
        if isinstance(reply, Refused):
            if reply.word in STATES:
                raise self._link.refusal(reply, "EVAL")
            self._swept.no_script = redact(str(reply))[:200]
            return None
        following, kept, free, one, two = reply
        self._swept.keys += free
        self._keep(kept)
        if script is _UNLINK:
            self._swept.unlinked += one
        else:
            self._swept.measured += one
            self._swept.measured_bytes += two
        return t.cast(bytes, following)

    def _unlink(self, cursor: bytes, most: int) -> bytes:
        drops: list[tuple[Word, ...]] = [("UNLINK", *self._waiting[at:at + most])
                                         for at in range(0, len(self._waiting), most)]
        scanned, *gone = self._link.all(self._scan(cursor), *drops)
        for reply in gone:
            if isinstance(reply, Refused):
                raise self._link.refusal(reply, "UNLINK")
            self._swept.unlinked += reply
        following, self._waiting = self._found(scanned)
        return following

    def _drop(self, most: int) -> None:
        while self._waiting:
            chunk, self._waiting = self._waiting[:most], self._waiting[most:]
            self._swept.unlinked += self._link.ask("UNLINK", *chunk)

    def _measure(self, cursor: bytes) -> bytes:
        (scanned,) = self._link.all(self._scan(cursor))
        following, free = self._found(scanned)
        some: list[bytes] = free[:self._quota()]
        sizes = self._link.all(*(("MEMORY", "USAGE", key) for key in some)) if some else []
        known = [one for one in sizes if isinstance(one, int)]
        self._swept.measured += len(known)
        self._swept.measured_bytes += sum(known)
        return following

    def _scan(self, cursor: bytes) -> tuple[Word, ...]:
        return "SCAN", cursor, "MATCH", self._pattern, "COUNT", self._pace.keys

    def _found(self, scanned: t.Any) -> tuple[bytes, list[bytes]]:
        """Where the next batch begins, and the keys that may go."""
        if isinstance(scanned, Refused):
            raise self._link.refusal(scanned, "SCAN")
        cursor, keys = scanned
        free = []
        for key in keys:
            rule = self._keeper.rule(key)
            if rule is None:
                free.append(key)
            else:
                self._keep([int(place == rule) for place in range(len(self._patterns))])
        self._swept.keys += len(free)
        return cursor, free

    def _keep(self, more: t.Sequence[int]) -> None:
        kept = self._swept.kept or [0] * len(self._patterns)
        self._swept.kept = [old + new for old, new in zip(kept, more)]
