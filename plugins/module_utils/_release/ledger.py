# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""The ledger of releases: what was staged, activated, proved good or found bad, by whom and why (pure).

One JSON object a line, only ever appended: ``{"at": "2026-11-23T20:22:49Z", "event": "activated", "release": "…", …}``;
``boot`` and ``uptime`` are the same moment by the kernel's count, which nobody can set.
What is served is said by the link ``current``, never by the ledger.
"""

from __future__ import annotations

import dataclasses
import json
import typing as t

from .._core import moment
from .._core.moment import Moment

ADOPTED, STAGED, PROVEN, ACTIVATED, GOOD, BAD, REMOVED = (
    "adopted", "staged", "proven", "activated", "good", "bad", "removed")
EVENTS = (ADOPTED, STAGED, PROVEN, ACTIVATED, GOOD, BAD, REMOVED)


@dataclasses.dataclass(frozen=True)
class Release:
    """What the ledger knows of one release; times are UTC texts, empty when it never happened."""

    id: str
    path: str = ""
    sha: str = ""
    ref: str = ""
    migrations: tuple[str, ...] = ()
    staged_at: str = ""
    proven_at: str = ""
    first_activated_at: str = ""
    activated_at: str = ""
    good_at: str = ""
    bad_at: str = ""
    bad_reason: str = ""
    bad_by: str = ""
    removed_at: str = ""
    adopted: bool = False
    changed_files: int = 0  # of an adopted checkout, against its commit
    order: int = 0  # position of the first activation, -1 before it
    staged_order: int = -1  # line of the last staging: the clock may be set, the order of lines is certain
    activated_order: int = -1  # line of the last activation

    @property
    def is_bad(self) -> bool:
        """Whether it was found bad and not proved good since."""
        return bool(self.bad_at)

    @property
    def state(self) -> str:
        """One word: removed, bad, good, active (never proved), proven or staged."""
        for word, when in (("removed", self.removed_at), ("bad", self.bad_at), ("good", self.good_at),
                           ("active", self.activated_at), ("proven", self.proven_at)):
            if when:
                return word
        return "staged"


@dataclasses.dataclass(frozen=True)
class Activation:
    """The last time that something was served, what was served before it, by whom and in which run."""

    release: str
    before: str
    when: t.Optional[Moment]
    at: str
    by: str
    run: str


@dataclasses.dataclass(frozen=True)
class Ledger:
    """Every release in the order in which it first appeared, and how many lines could not be read."""

    releases: tuple[Release, ...] = ()
    unreadable: int = 0
    activation: t.Optional[Activation] = None

    @property
    def last_activated(self) -> str:
        """The release that was activated last, as far as the ledger knows."""
        return self.activation.release if self.activation else ""

    def get(self, release: str) -> t.Optional[Release]:
        """The release of exactly this id."""
        return next((one for one in self.releases if one.id == release), None)

    def matching(self, name: str) -> tuple[Release, ...]:
        """The releases on this host that a person may mean: an id, a tag or branch, or the beginning of a sha."""
        there = [one for one in self.releases if not one.removed_at]
        exact = [one for one in there if one.id == name]
        if exact:
            return tuple(exact)
        return tuple(one for one in there if one.ref == name or (len(name) >= 4 and one.sha.startswith(name)))


def read(text: str) -> Ledger:
    """Turn the ledger's text into releases; a line that is torn or foreign is counted, never fatal."""
    known: dict[str, Release] = {}
    unreadable = activations = 0
    activation = None
    for number, line in enumerate(text.splitlines()):
        if not line.strip():
            continue
        entry = _entry(line)
        if entry is None:
            unreadable += 1
            continue
        release = known.get(entry["release"], Release(entry["release"], order=-1))
        if entry["event"] == ACTIVATED and release.order < 0:
            release = dataclasses.replace(release, order=activations)
            activations += 1
        if entry["event"] == ACTIVATED:
            activation = Activation(release.id, _text(entry, "from"), _moment(entry), entry["at"], _text(entry, "by"),
                                    _text(entry, "run"))
        known[release.id] = _after(release, entry, number)
    return Ledger(tuple(known.values()), unreadable, activation)


def line(at: str, event: str, release: str, **said: t.Any) -> str:
    """One line of the ledger; what is empty is left out."""
    entry = {"at": at, "event": event, "release": release, **{key: value for key, value in said.items() if value}}
    return json.dumps(entry, ensure_ascii=False, sort_keys=False)


def _entry(line: str) -> t.Optional[dict[str, t.Any]]:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(entry, dict) or entry.get("event") not in EVENTS:
        return None
    return entry if all(isinstance(entry.get(key), str) and entry[key] for key in ("at", "release")) else None


def _moment(entry: t.Mapping[str, t.Any]) -> t.Optional[Moment]:
    """When it was; None when the line does not say it in a way that can be read."""
    epoch = moment.epoch(entry["at"])
    try:
        return moment.parse({**entry, "epoch": epoch})
    except (TypeError, ValueError):
        return None if epoch is None else Moment(epoch)


def _after(release: Release, entry: t.Mapping[str, t.Any], number: int) -> Release:
    """The release after the event of that line."""
    at = entry["at"]
    event = entry["event"]
    if event in (ADOPTED, STAGED):
        migrations = entry.get("migrations")
        changed = entry.get("changed_files")
        return dataclasses.replace(
            release, path=_text(entry, "path"), sha=_text(entry, "sha"), ref=_text(entry, "ref"),
            migrations=tuple(map(str, migrations)) if isinstance(migrations, list) else (),
            staged_at=at, staged_order=number, adopted=event == ADOPTED,
            changed_files=changed if isinstance(changed, int) else 0, removed_at="",
            proven_at="", bad_at="", bad_reason="", bad_by="")
    if event == PROVEN:
        return dataclasses.replace(release, proven_at=at)
    if event == ACTIVATED:
        return dataclasses.replace(release, activated_at=at, activated_order=number,
                                   first_activated_at=release.first_activated_at or at)
    if event == GOOD:
        return dataclasses.replace(release, good_at=at, bad_at="", bad_reason="", bad_by="")
    if event == BAD:
        return dataclasses.replace(release, bad_at=at, bad_reason=_text(entry, "reason"), bad_by=_text(entry, "by"))
    return dataclasses.replace(release, removed_at=at)


def _text(entry: t.Mapping[str, t.Any], key: str) -> str:
    value = entry.get(key)
    return value if isinstance(value, str) else ""
