# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""A connection for work in many small steps: names are bytes, and every step has its own time."""

from __future__ import annotations

import dataclasses
import typing as t

from .._core.errors import FOREIGN, ServiceDown
from .client import Client, Refused, Word, refusal
from .connection import Address
from .facts import Settings, parse_info, whole

GRANTS = {
    "INFO": "+info", "SCAN": "+scan", "UNLINK": "+unlink (and ~<prefix>* for its keys)", "SELECT": "+select",
    "CLUSTER SLOTS": "+cluster", "CONFIG GET": "+config|get", "CONFIG SET": "+config|set",
    "CONFIG REWRITE": "+config|rewrite", "MEMORY USAGE": "+memory|usage (and ~<prefix>* for its keys)",
}


class Link(Client):
    """A connection that lasts as long as the work; the time limit is that of each exchange."""

    def __init__(self, address: Address) -> None:
        super().__init__(address, text=False)
        self.address = address

    def __enter__(self) -> Link:
        super().__enter__()
        if self.address.database:
            self.ask("SELECT", self.address.database)
        return self

    def all(self, *commands: tuple[Word, ...]) -> list[t.Any]:
        """Send commands together and return their replies, refusals among them."""
        self._ends = self._clock() + self.address.timeout_seconds
        return self.send(*commands)

    def ask(self, *command: Word) -> t.Any:
        """The reply to one command; a refusal is raised in words."""
        (reply,) = self.all(command)
        if isinstance(reply, Refused):
            raise self.refusal(reply, *command)
        return reply

    def refusal(self, refused: Refused, *command: Word) -> Exception:
        """A refusal in words; what to grant is known for the commands that are used."""
        words = [str(word) for word in command[:2]]
        name = next((" ".join(words[:count]) for count in (2, 1) if " ".join(words[:count]) in GRANTS), words[0])
        return refusal(refused, name, self.address, GRANTS.get(name, f"+{name.lower()}"))

    def info(self) -> Settings:
        """What the server says of itself."""
        return parse_info(info_text(self.ask("INFO")))


def info_text(reply: t.Any) -> str:
    """The reply of INFO as text; ServiceDown when somebody else answered."""
    if not isinstance(reply, bytes) or b"redis_version:" not in reply:
        raise ServiceDown("INFO was answered with something that is not Redis' own; look what really listens there",
                          FOREIGN)
    return reply.decode("utf-8", "replace")


def masters(link: Link, info: Settings) -> list[Address]:
    """The servers that together hold all keys: this one, or every master of its cluster."""
    if info.get("redis_mode") != "cluster":
        return [link.address]
    found: dict[tuple[str, int], None] = {}
    for row in link.ask("CLUSTER", "SLOTS"):
        name, port = row[2][0], int(row[2][1])
        text = name.decode() if isinstance(name, bytes) else ""
        found[(text if text not in ("", "?") else link.address.host, port)] = None
    return [dataclasses.replace(link.address, host=host, port=port, unix_socket=None) for host, port in found]


def used_bytes(info: Settings) -> int:
    """Memory that counts against the limit."""
    return whole(info, "used_memory") - whole(info, "mem_not_counted_for_evict")
