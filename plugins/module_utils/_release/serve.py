# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""What is served: adopt what runs already, switch the link, and say how a release did."""

from __future__ import annotations

import os
import typing as t

from .._core import files
from .._core.errors import BadOption, OpsError
from . import account, build, choice, git, ledger, place as places
from .change import Answer, Change, unchanged
from .ledger import Release
from .place import Place


def adopt(place: Place, path: str, migrations: str) -> Change:
    """Write what runs in place into the ledger as a release; nothing is touched."""
    real = os.path.realpath(path)
    found = _in_place(place, real, migrations)
    known = place.read()
    before = known.get(found.id)
    answer = {**_told(found), "dirty": found.changed_files > 0, "changed_files": found.changed_files}
    served = place.target() in (None, found.path)
    words = f"{found.id} ({found.ref or found.sha[:8] or 'no Git'} in {real})"
    if before is not None and not before.removed_at and _same(before, found) and (before.order >= 0 or not served):
        return unchanged(f"{words} is adopted already", answer)

    def act() -> Answer:
        place.write(ledger.ADOPTED, found.id, path=found.path, sha=found.sha, ref=found.ref,
                    migrations=list(found.migrations), changed_files=found.changed_files)
        if served:
            place.write(ledger.ACTIVATED, found.id)
        return {"msg": f"{words} is adopted{_dirt(found)}"}

    return Change(f"{words} is to be adopted", answer, act, (f"write {found.id} into {place.ledger_path}",),
                  "", f"{found.id}: {real}{_dirt(found)}\n")


def activate(place: Place, wanted: str) -> Change:
    """Let ``current`` point to another release, in one step."""
    known = place.read()
    here = place.current_id(known)
    target = choice.choose(known, here, wanted)
    _refuse_unfit(place, target, wanted)
    link = place.target()
    current = known.get(here) if here else None
    unknown = choice.unknown_migrations(target, current)
    answer = {**_told(target), "from": here or "", "to": target.id, "unknown_migrations": unknown}
    flip = link != target.path
    if not flip and known.last_activated == target.id:
        return unchanged(f"{target.id} is served already", answer)

    def act() -> Answer:
        if flip:
            _point(place, target.path)
        # where a killed run switched the link, the ledger still knows what was served before
        before = here if flip else known.last_activated
        place.write(ledger.ACTIVATED, target.id, **{"from": before})
        return {"msg": f"{place.current} points to {target.id}" + (f", no longer to {here}" if flip and here else "")}

    steps = ((f"point {place.current} to {target.path}",) if flip else ()) + (
        f"write the activation of {target.id} into {place.ledger_path}",)
    return Change(f"{target.id} is to be served" if flip else f"{target.id} is served, but the ledger does not say so",
                  answer, act, steps, f"{place.current} -> {link or 'nothing'}\n",
                  f"{place.current} -> {target.path}\n")


def mark_good(place: Place, wanted: str) -> Change:
    """Say that a release proved itself while it was served."""
    known = place.read()
    here = place.current_id(known)
    release = choice.choose(known, here, wanted)
    if release.order < 0 and release.id != here:
        raise OpsError(f"{release.id} was never served on this host, so nobody can know that it is good")
    if release.good_at and not release.is_bad:
        return unchanged(f"{release.id} is marked good since {release.good_at}", _told(release))
    return _mark(place, release, ledger.GOOD, "")


def mark_bad(place: Place, wanted: str, reason: str) -> Change:
    """Say that a release is bad and why; it stays on the disk for analysis and is not chosen again."""
    if not reason.strip() or len(reason) > 1000 or not reason.isprintable():
        raise BadOption("reason must say in one line of at most 1000 signs why the release is bad")
    known = place.read()
    release = choice.choose(known, place.current_id(known), wanted)
    if release.is_bad and release.bad_reason == reason:
        return unchanged(f"{release.id} is marked bad since {release.bad_at}: {reason}", _told(release))
    return _mark(place, release, ledger.BAD, reason)


def _mark(place: Place, release: Release, event: str, reason: str) -> Change:
    why = f": {reason}" if reason else ""

    def act() -> Answer:
        place.write(event, release.id, reason=reason)
        return {"msg": f"{release.id} is marked {event}{why}"}

    return Change(f"{release.id} is to be marked {event}{why}", _told(release), act,
                  (f"write {event} for {release.id} into {place.ledger_path}",),
                  f"{release.id}: {release.state}\n", f"{release.id}: {event}{why}\n")


def _in_place(place: Place, real: str, migrations: str) -> Release:
    if not os.path.isdir(place.app(real)):
        raise OpsError(f"{place.app(real)} is not there: path and subfolder must lead to the running application")
    owner = account.of(real)
    brought = tuple(build.migrations(place.app(real), migrations, owner))
    if os.path.lexists(os.path.join(real, ".git")):
        found = git.look(real)
        return Release(f"adopted-{found.sha[:8]}", real, found.sha, found.ref, brought, adopted=True,
                       changed_files=found.changed_files)
    if os.path.dirname(real) == os.path.realpath(place.releases):
        return Release(os.path.basename(real), os.path.join(place.releases, os.path.basename(real)),
                       migrations=brought, adopted=True)
    raise OpsError(f"{real} is neither a Git checkout nor a folder of {place.releases}; set path to what is served")


def _same(before: Release, found: Release) -> bool:
    fields = ("path", "sha", "ref", "migrations", "changed_files")
    return all(getattr(before, name) == getattr(found, name) for name in fields)


def _refuse_unfit(place: Place, target: Release, wanted: str) -> None:
    if target.is_bad and wanted != target.id:
        raise OpsError(f"{target.id} was found bad at {target.bad_at}"
                       f"{f' by {target.bad_by}' if target.bad_by else ''}: {target.bad_reason or 'no reason given'};"
                       " name it by its whole id to serve it all the same")
    why = places.missing(place, target)
    if not why and target.adopted and target.sha:
        at = git.look(target.path).sha
        why = "" if at == target.sha else f"{target.path} is at {at[:8]} now, no longer at {target.sha[:8]}"
    if why:
        raise OpsError(f"{target.id} cannot be served: {why}; choose another release, or stage it again")


def _point(place: Place, path: str) -> None:
    """Flip the link: who opens it sees the old or the new release, also after a power failure."""
    draft = os.path.join(place.root, ".current-new")
    try:
        with account.acting(place.keeper(place.root)):
            if os.path.lexists(draft):
                os.unlink(draft)
            os.symlink(path, draft)
            os.replace(draft, place.current)
            files.sync_folder(place.root)
    except OSError as exc:
        raise OpsError(f"{place.current} cannot be changed: {exc.strerror or exc}; it points where it pointed") from exc


def _dirt(release: Release) -> str:
    return f", with {release.changed_files} changed files" if release.changed_files else ""


def _told(release: Release) -> dict[str, t.Any]:
    return {"release": release.id, "path": release.path, "sha": release.sha, "ref": release.ref,
            "migrations": list(release.migrations)}
