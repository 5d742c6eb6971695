# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""What a check did not look at: never called fine, and a warning when only rights were missing."""

from __future__ import annotations

import dataclasses
import typing as t

from .verdict import Finding, State


@dataclasses.dataclass(frozen=True)
class Unseen:
    """Something that was not looked at, why, and how it can be; ``forbidden`` when only rights are missing."""

    what: str
    why: str
    enable: str
    forbidden: bool


def absent(unseen: t.Iterable[Unseen]) -> tuple[dict[str, str], ...]:
    """Rows for the details of the finding that the service answers: what does not exist here, so was not looked at."""
    return tuple(_row(one) for one in unseen if not one.forbidden)


def not_seen(name: str, unseen: t.Iterable[Unseen]) -> tuple[Finding, ...]:
    """A warning about all that was hidden for lack of rights; nothing when nothing was."""
    hidden = [one for one in unseen if one.forbidden]
    if not hidden:
        return ()
    message = "not looked at for lack of rights: " + "; ".join(f"{one.what} ({one.why})" for one in hidden)
    return (Finding(name, State.WARNING, message, details=tuple(_row(one) for one in hidden)),)


def _row(one: Unseen) -> dict[str, str]:
    return {"not_looked_at": one.what, "why": one.why, "enable": one.enable}
