# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""What fills a disk, as it was seen (pure)."""

from __future__ import annotations

import dataclasses
import typing as t

NPM_CACHE, DOCKER_IMAGES, DELETED_LOGS, ROTATED_LOGS = "npm_cache", "docker_images", "deleted_logs", "rotated_logs"
PM2_LOGS, JOURNAL, RELEASES, DUMPS, LIVE_LOGS = "pm2_logs", "journal", "releases", "dumps", "live_logs"
# what is missed least comes first
KINDS = (NPM_CACHE, DOCKER_IMAGES, DELETED_LOGS, ROTATED_LOGS, PM2_LOGS, JOURNAL, RELEASES, DUMPS, LIVE_LOGS)
USUAL = KINDS[:-1]


def shown(path: str) -> str:
    """A path as people may see it; what is no text is replaced."""
    text = path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(sign if sign.isprintable() else "?" for sign in text)


@dataclasses.dataclass(frozen=True)
class Identity:
    """What makes a file the one that was looked at, and not another one of the same name."""

    device: int
    inode: int
    size: int
    modified_ns: int


@dataclasses.dataclass(frozen=True)
class Item:
    """Something that may go: ``files`` are the inodes it frees; ``data`` is what its own kind needs to take it away."""

    kind: str
    path: str
    bytes: int
    modified: float
    files: int = 1
    why: str = ""
    identity: t.Optional[Identity] = None
    data: t.Any = None

    def row(self) -> dict[str, t.Any]:
        """As a result shows it."""
        return {"kind": self.kind, "path": shown(self.path), "bytes": self.bytes, "files": self.files, "why": self.why}


@dataclasses.dataclass(frozen=True)
class Left:
    """Something that only a person may decide about, and why."""

    kind: str
    path: str
    bytes: int
    why: str

    def row(self) -> dict[str, t.Any]:
        """As a result shows it."""
        return {**dataclasses.asdict(self), "path": shown(self.path)}


@dataclasses.dataclass(frozen=True)
class Space:
    """One file system; ``free_bytes`` are those an ordinary user may still take, as df counts them."""

    mount: str
    device: str
    used_bytes: int
    free_bytes: int
    inodes_used: int = 0
    inodes_free: int = 0
    fault: str = ""

    @property
    def percent(self) -> float:
        whole = self.used_bytes + self.free_bytes
        return 100.0 * self.used_bytes / whole if whole else 0.0

    @property
    def inodes_percent(self) -> float:
        whole = self.inodes_used + self.inodes_free
        return 100.0 * self.inodes_used / whole if whole else 0.0

    def without(self, count: int, files: int) -> Space:
        """The same file system with so many bytes and inodes less in use."""
        count, files = min(count, self.used_bytes), min(files, self.inodes_used)
        return dataclasses.replace(self, used_bytes=self.used_bytes - count, free_bytes=self.free_bytes + count,
                                   inodes_used=self.inodes_used - files, inodes_free=self.inodes_free + files)


@dataclasses.dataclass
class Found:
    """What one kind has: what may go, what a person decides about, and what could not be looked at."""

    items: list[Item] = dataclasses.field(default_factory=list)
    left: list[Left] = dataclasses.field(default_factory=list)
    notes: list[str] = dataclasses.field(default_factory=list)

    def add(self, other: Found) -> None:
        """Take what another look found."""
        self.items += other.items
        self.left += other.left
        self.notes += other.notes
