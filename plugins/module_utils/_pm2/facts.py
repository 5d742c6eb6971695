# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""What is known of one PM2 home at one moment."""

from __future__ import annotations

import dataclasses
import typing as t

from .apps import Process
from .journal import Exit


@dataclasses.dataclass(frozen=True)
class Facts:
    """Everything that was seen; None means it could not be seen, with the reason in ``unseen``."""

    home: str
    now: float
    processes: tuple[Process, ...]
    daemon_pid: int
    daemon_version: str
    cli_version: t.Optional[str] = None
    saved: t.Optional[tuple[str, ...]] = None
    saved_unseen: str = ""
    exits: t.Optional[tuple[Exit, ...]] = None
    exits_unseen: str = ""
    exposed: t.Optional[str] = None
    port_owners: t.Mapping[int, t.Optional[frozenset[int]]] = dataclasses.field(default_factory=dict)
    ports_unseen: str = ""
