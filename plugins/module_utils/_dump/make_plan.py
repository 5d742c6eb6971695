# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""What a new dump is called, how much room it needs, and whether its size can be right (pure)."""

from __future__ import annotations

import datetime
import re
import typing as t

from .._core.limits import size
from .._core.verdict import Number

GROWTH = 1.2  # room for a dump that is larger than the last one
STAMP = re.compile(r"\d{8}T\d{6}Z")
PART = ".part"


def prefix(database: str) -> str:
    """How the names of a database's dumps begin: with its name, made fit for files."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", database)[:100]


def dump_name(database: str, epoch: float, encrypted: bool) -> str:
    """The name of a dump: ``vendhub_prod_20260102T030405Z.dump``."""
    time = datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc)
    return f"{prefix(database)}_{time:%Y%m%dT%H%M%SZ}.dump{'.age' if encrypted else ''}"


def is_ours(name: str, database: str) -> bool:
    """Whether a name is one that we give to dumps of this database."""
    return re.fullmatch(rf"{re.escape(prefix(database))}_{STAMP.pattern}\.dump(\.age)?", name) is not None


def is_part(name: str, database: str) -> bool:
    """Whether a name is one that we give to a dump that is being made."""
    return name.startswith(".") and name.endswith(PART) and is_ours(name[1:-len(PART)], database)


def needed_bytes(last_size: t.Optional[int], database_bytes: int, reserve_bytes: int) -> int:
    """The room that must be there before a dump begins: by the last one, else by the whole database."""
    expected = database_bytes if last_size is None else int(last_size * GROWTH)
    return expected + reserve_bytes


def no_room(free: Number, needed: int, folder: str) -> str:
    """Why the dump does not begin; empty when there is room."""
    if free >= needed:
        return ""
    return (f"{folder} has {size(free)} free, and {size(needed)} are needed (the dump and reserve_bytes); free some "
            "space, or lower keep")


def shrunk(new: int, last: t.Optional[int], percent: float) -> str:
    """Why the size of a new dump cannot be right; empty when it can."""
    if not last or new >= last * (1 - percent / 100):
        return ""
    return (f"it has {size(new)}, and the last verified one had {size(last)}: is something gone from the database? "
            "If that is right, run it again with accept_shrink")
