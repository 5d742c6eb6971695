# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Which release to go back to, and which ones may be removed (pure)."""

from __future__ import annotations

import dataclasses
import typing as t

from .._core.errors import OpsError
from .ledger import Ledger, Release

PREVIOUS_GOOD, CURRENT, NEWEST_STAGED = "previous_good", "current", "newest_staged"


@dataclasses.dataclass(frozen=True)
class Removal:
    """One release that may go, with what it frees."""

    release: str
    path: str
    size_bytes: int


def choose(ledger: Ledger, current: t.Optional[str], wanted: str) -> Release:
    """The release that ``wanted`` means: a word (see above), an id, a tag, or the beginning of a sha.

    OpsError says why there is none, or which ones it could be. A bad release is only chosen by its own name.
    """
    if wanted == PREVIOUS_GOOD:
        return previous_good(ledger, current)
    if wanted == CURRENT:
        return _current(ledger, current)
    if wanted == NEWEST_STAGED:
        return newest_staged(ledger)
    found = ledger.matching(wanted)
    if not found:
        known = ", ".join(one.id for one in ledger.releases if not one.removed_at) or "none"
        raise OpsError(f"no release here is called {wanted!r}; this host has: {known}")
    good = [one for one in found if not one.is_bad] if len(found) > 1 else list(found)
    if len(good) == 1:
        return good[0]
    newest = max(good or found, key=lambda one: one.staged_order)
    if len({one.sha for one in found}) == 1:
        return newest
    raise OpsError(f"{wanted!r} may be any of {', '.join(one.id for one in found)}; name one of them")


def previous_good(ledger: Ledger, current: t.Optional[str]) -> Release:
    """The newest release that was proved good, first served before the current one and not found bad since.

    The order is that of first activations, so that a second rollback goes further back and not forth again.
    """
    here = ledger.get(current) if current else None
    limit = here.order if here is not None and here.order >= 0 else None
    earlier = [one for one in ledger.releases if one.order >= 0 and one.id != current
               and (limit is None or one.order < limit)]
    good = [one for one in earlier if one.good_at and not one.is_bad and not one.removed_at]
    if good:
        return max(good, key=lambda one: one.order)
    raise OpsError(f"there is no good release before {current or 'this one'} to go back to{_why(earlier)}")


def newest_staged(ledger: Ledger) -> Release:
    """The release that was staged last and not found bad since."""
    there = [one for one in ledger.releases if not (one.adopted or one.removed_at or one.is_bad)]
    if not there:
        raise OpsError("no release is staged on this host; stage one first")
    return max(there, key=lambda one: one.staged_order)


def removable(ledger: Ledger, sizes: t.Mapping[str, int], current: t.Optional[str], keep: int) -> list[Removal]:
    """What pruning takes away: all but the newest ``keep``, never the current, the one to go back to, or the last good.

    ``sizes`` are the bytes of the releases that are on disk; what was adopted in place is never removed.
    """
    there = [one for one in ledger.releases if one.id in sizes and not one.removed_at and not one.adopted]
    there.sort(key=lambda one: one.staged_order)
    kept = {one.id for one in there[-keep:]} if keep > 0 else set()
    kept.update(_protected(ledger, current))
    return [Removal(one.id, one.path, sizes[one.id]) for one in there if one.id not in kept]


def unknown_migrations(target: Release, current: t.Optional[Release]) -> list[str]:
    """The migrations the current release brought that the target does not know, in their order."""
    if current is None:
        return []
    known = set(target.migrations)
    return [name for name in current.migrations if name not in known]


def _current(ledger: Ledger, current: t.Optional[str]) -> Release:
    found = ledger.get(current) if current else None
    if found is None:
        raise OpsError(f"what is served here ({current or 'nothing'}) is not in the ledger; adopt it first")
    return found


def _protected(ledger: Ledger, current: t.Optional[str]) -> set[str]:
    protected = {current} if current else set()
    good = [one for one in ledger.releases if one.good_at and not one.is_bad and not one.removed_at]
    if good:
        protected.add(max(good, key=lambda one: one.activated_order).id)
    try:
        protected.add(previous_good(ledger, current).id)
    except OpsError:  # nothing to go back to, nothing to protect
        return protected
    return protected


def _why(earlier: t.Sequence[Release]) -> str:
    if not earlier:
        return ": none was served before it"
    last = sorted(earlier, key=lambda one: one.order)[-3:]
    return ": " + ", ".join(f"{one.id} is {one.state}" for one in reversed(last))
