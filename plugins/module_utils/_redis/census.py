# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""What takes the memory: keys counted and measured by prefix, the biggest kept by name. Values in, values out."""

from __future__ import annotations

import dataclasses
import heapq
import re
import typing as t

from .globs import Keeper

MOST_PREFIXES = 5000
BIG_BYTES = 64 * 1024  # such a key counts once: multiplied like the others it would be most of the estimate
_TOP = 10
OTHERS = b"(others)"

# a part of a name that is another one for each thing: a number, a hash, a UUID, a token
_ID = re.compile(rb"\d+|(?=.*\d)[0-9a-f-]{8,}|.{41,}", re.IGNORECASE | re.DOTALL)


@dataclasses.dataclass
class Share:
    """What the keys of one prefix take."""

    keys: float = 0
    bytes: float = 0
    lasting: float = 0  # keys without an end
    kept: float = 0  # keys that nobody may clear

    def add(self, other: Share, factor: float) -> None:
        """Add another share, so many times."""
        self.keys += other.keys * factor
        self.bytes += other.bytes * factor
        self.lasting += other.lasting * factor
        self.kept += other.kept * factor


class Big(t.NamedTuple):
    """One of the biggest keys; compared by size."""

    size: int
    key: bytes
    server: int
    ttl_ms: int


def prefix_of(key: bytes, separator: bytes, depth: int) -> bytes:
    """How a name begins: at most so many parts, none that is an id and never the last; empty without a separator."""
    parts = key.split(separator, depth + 1)[:-1] if depth else []
    found = b""
    for part in parts[:depth]:
        if _ID.fullmatch(part):
            break
        found += part + separator
    return found


class Census:
    """Everything that was seen of one server."""

    def __init__(self, separator: bytes, depth: int, keeper: Keeper, top: int, server: int = 0) -> None:
        self.shares: dict[bytes, Share] = {}
        self.biggest: list[Big] = []
        self.seen = 0
        self._separator = separator
        self._depth = depth
        self._keeper = keeper
        self._top = max(top, _TOP)
        self._server = server

    def place(self, key: bytes) -> bytes:
        """With which prefix a key is counted."""
        prefix = prefix_of(key, self._separator, self._depth)
        return prefix if prefix in self.shares or len(self.shares) < MOST_PREFIXES else OTHERS

    def add(self, key: bytes, size: int, ttl_ms: int) -> None:
        """Count a key."""
        self.seen += 1
        share = self.shares.setdefault(self.place(key), Share())
        share.keys += 1
        share.bytes += size
        share.lasting += ttl_ms == -1
        share.kept += self._keeper.rule(key) is not None
        one = Big(size, key, self._server, ttl_ms)
        if len(self.biggest) < self._top:
            heapq.heappush(self.biggest, one)
        elif one > self.biggest[0]:
            heapq.heapreplace(self.biggest, one)


def together(found: t.Iterable[tuple[Census, float]]) -> tuple[list[tuple[bytes, Share]], list[Big]]:
    """The shares of all servers, each multiplied to what its server holds, the largest first; and the biggest keys.

    Really big keys are not multiplied.
    """
    shares: dict[bytes, Share] = {}
    biggest: set[Big] = set()  # a walk may meet a key twice
    for census, factor in found:
        for prefix, share in census.shares.items():
            shares.setdefault(prefix, Share()).add(share, factor)
        for one in census.biggest:
            prefix = census.place(one.key)
            if one.size >= BIG_BYTES and one not in biggest:
                shares[prefix].bytes -= one.size * (factor - 1)
        biggest.update(census.biggest)
    return (sorted(shares.items(), key=lambda row: (-row[1].bytes, -row[1].keys, row[0])),
            sorted(biggest, key=lambda one: (-one.size, one.key)))
