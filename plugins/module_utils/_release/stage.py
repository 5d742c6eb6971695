# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Stage a release: from a repository or a packed one, beside what is served, whole or not at all."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import json
import os
import time
import typing as t

from .._core import command, files, moment
from .._core.errors import BadOption, OpsError
from .._core.redact import redact
from . import account, archive, build, git, ledger, place as places
from .account import Account
from .build import Build
from .change import Answer, Change, unchanged
from .ledger import Ledger, Release
from .place import MARKER, STAGING, Place

SPARE_BYTES = 256 * 1024 * 1024
GROWTH = 1.3
_REMOVE_SECONDS = 300.0
_SYNC_SECONDS = 300.0


@dataclasses.dataclass(frozen=True)
class Link:
    """Something that outlives releases: ``path`` inside the application's folder leads to ``to``."""

    path: str
    to: str


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How every staging goes, wherever its files come from."""

    owner: Account
    shared: tuple[Link, ...]
    migrations: str
    space_bytes: t.Optional[int]
    again: bool
    timeout_seconds: float


def from_repository(place: Place, recipe: Recipe, steps: Build, url: str, ref: str) -> Change:
    """Fetch, export, link and build a ref of a repository."""
    url, ref = git.checked_repository(url), git.checked_ref(ref)
    tool = git.Git(recipe.owner, steps.path)
    sha = git.resolve(tool, place, url, ref, recipe.timeout_seconds)
    here = git.known_commit(tool, place.repository, sha) if sha else None
    known = place.read()
    done = _built(place, recipe, known, sha, ref)
    if done is not None:
        return done
    answer = _checked(place, recipe, _needed(place, recipe))

    def act() -> Answer:
        commit = here or git.fetch(tool, place, url, sha or ref, recipe.timeout_seconds)
        late = None if sha else _built(place, recipe, known, commit, ref)
        if late is not None:
            return {**late.as_dict(), **late.act()}
        release = _new_id(place, commit)
        log = os.path.join(place.state_directory, "builds", f"{release}.log")

        def fill(folder: str) -> dict[str, t.Any]:
            git.export(tool, place.repository, commit, folder, recipe.timeout_seconds)
            app = _app(place, folder, f"{ref} ({commit[:8]})")
            link_shared(app, recipe)
            steps.run(app, recipe.owner, log)
            return {"id": release, "sha": commit, "ref": ref}

        return {**_made(place, recipe, release, fill), "log": log}

    left = [] if here else git.locks(place.repository)
    fetching = () if here else (*(f"remove {path}, which a killed git left" for path in left),
                                f"fetch {ref} from {redact(url)} into {place.repository}")
    building = tuple(f"run '{command.command_line(step)}'" for step in steps.steps)
    what = f"{ref} ({sha[:8]})" if sha else ref
    return Change(f"{what} is to be staged", {**answer, "sha": sha or "", "ref": ref}, act,
                  (*_clearing(answer), *fetching, f"export {what} into {place.releases}", *_linking(recipe), *building),
                  "", f"{place.releases}/<time>-{sha[:8] if sha else '<sha>'}: {what}\n")


def from_archive(place: Place, recipe: Recipe, path: str, checksum: str) -> Change:
    """Unpack a packed release; its id is the same on every host."""
    deadline = archive.Deadline(f"unpacking {path}", recipe.timeout_seconds)
    if checksum and archive.sha256(path, deadline) != checksum.lower():
        raise OpsError(f"{path} is not the file that was meant: its SHA-256 is not the one given; copy it anew")
    contents = archive.look(path, deadline)
    release, known = contents.marker["id"], place.read()
    found = known.get(release)
    folder = os.path.join(place.releases, release)
    if found is not None and not found.removed_at and not places.missing(place, found):
        if found.is_bad:
            raise OpsError(f"{release} is here and was found bad: {found.bad_reason}; pack another build of it")
        return unchanged(f"{release} is staged already", _told(found))
    orphan = places.marker(folder)
    if orphan is not None:
        return _write_down(place, orphan)
    if os.path.lexists(folder):
        raise OpsError(f"{folder} is there but is no whole release; look at it and move it away")
    needed = recipe.space_bytes if recipe.space_bytes is not None else contents.size_bytes + SPARE_BYTES
    answer = _checked(place, recipe, needed)

    def fill(draft: str) -> dict[str, t.Any]:
        again = archive.Deadline(f"unpacking {path}", recipe.timeout_seconds)
        archive.unpack(path, draft, recipe.owner, again)
        link_shared(_app(place, draft, release), recipe)
        return contents.marker

    return Change(f"{release} is to be staged from {path}",
                  {**answer, "release": release, "sha": contents.marker["sha"], "ref": contents.marker["ref"]},
                  lambda: _made(place, recipe, release, fill),
                  (*_clearing(answer), f"unpack {path} into {folder}", *_linking(recipe)),
                  "", f"{folder}: {contents.marker['ref']} ({contents.marker['sha'][:8]})\n")


def link_shared(app: str, recipe: Recipe) -> None:
    """Put the links to what outlives releases in the place of whatever the release brings there."""
    for link in recipe.shared:
        path = os.path.join(app, link.path)
        with account.acting(recipe.owner):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            if os.path.isdir(path) and not os.path.islink(path):
                places.empty(path, time.monotonic() + _REMOVE_SECONDS)
                os.rmdir(path)
            elif os.path.lexists(path):
                os.unlink(path)
            os.symlink(link.to, path)


def _built(place: Place, recipe: Recipe, known: Ledger, sha: t.Optional[str], ref: str) -> t.Optional[Change]:
    """What there is to do when this commit was built before; None when it must be built."""
    if sha is None or recipe.again:
        return None
    usable = [one for one in known.releases if one.sha == sha and not (one.adopted or one.removed_at or one.is_bad)
              and not places.missing(place, one)]
    if usable:
        return unchanged(f"{ref} ({sha[:8]}) is staged already as {usable[-1].id}", _told(usable[-1]))
    for name in place.staged():
        found = places.marker(os.path.join(place.releases, name))
        if found and found["id"] == name and found.get("sha") == sha and known.get(name) is None:
            return _write_down(place, found)
    return None


def _write_down(place: Place, found: t.Mapping[str, t.Any]) -> Change:
    """A run was killed between the last rename and the ledger: the release is whole, only the line is missing."""
    release = Release(found["id"], os.path.join(place.releases, found["id"]), str(found.get("sha", "")),
                      str(found.get("ref", "")), tuple(map(str, found.get("migrations") or ())))

    def act() -> Answer:
        _staged(place, release)
        return {"msg": f"{release.id} was staged already and is now in the ledger"}

    return Change(f"{release.id} is staged but not in the ledger", _told(release), act,
                  (f"write {release.id} into {place.ledger_path}",), "", f"{release.path}: in the ledger\n")


def _made(place: Place, recipe: Recipe, release: str, fill: t.Callable[[str], dict[str, t.Any]]) -> Answer:
    """Fill a draft, name it, and write it down."""
    final = os.path.join(place.releases, release)
    with _draft(place, recipe, release) as folder:
        said = fill(folder)
        app = place.app(folder)
        found = said.get("migrations") or build.migrations(app, recipe.migrations, recipe.owner)
        said = {**said, "migrations": list(map(str, found)), "at": places.now(), "subfolder": place.subfolder,
                "bytes": places.size(folder),
                "shared": [os.path.join(place.subfolder, link.path) for link in recipe.shared]}
        with account.acting(recipe.owner):
            files.atomic_write(os.path.join(folder, MARKER), json.dumps(said, indent=1) + "\n", 0o644)
        # a release whose files a power failure could take back is not whole
        command.run(["sync", "--file-system", folder], _SYNC_SECONDS, folder="/")
        with account.acting(place.keeper(place.releases)):
            os.rename(folder, final)
            files.sync_folder(place.releases)
    made = Release(release, final, said["sha"], said["ref"], tuple(said["migrations"]))
    _staged(place, made)
    return {"msg": f"{made.ref} ({made.sha[:8]}) is staged as {release}", **_told(made)}


@contextlib.contextmanager
def _draft(place: Place, recipe: Recipe, release: str) -> t.Iterator[str]:
    """A folder that nobody takes for a release; it goes away when anything goes wrong."""
    for left in place.leftovers(STAGING):
        places.remove(place, left, time.monotonic() + _REMOVE_SECONDS)
    places.folder(place, place.releases, recipe.owner)
    folder = os.path.join(place.releases, f"{STAGING}{release}")
    places.folder(place, folder, recipe.owner)
    try:
        yield folder
    except BaseException as exc:
        places.remove(place, folder, time.monotonic() + _REMOVE_SECONDS)
        if isinstance(exc, OpsError):
            raise type(exc)(f"staging {release} failed: {exc}; it was taken back, what is served is untouched") from exc
        if isinstance(exc, OSError):
            full = exc.errno in (errno.ENOSPC, errno.EDQUOT)
            advice = "; free some space, for example with state=pruned" if full else ""
            raise OpsError(f"staging {release} failed at {exc.filename or folder}: {exc.strerror or exc}{advice};"
                           " it was taken back, what is served is untouched") from exc
        raise


def _checked(place: Place, recipe: Recipe, needed: int) -> Answer:
    """What is known before anything is written; OpsError when it cannot go well."""
    for link in recipe.shared:
        if not os.path.exists(link.to):
            raise OpsError(f"{link.to} is not there, but each release is to link to it ({link.path} in shared); make it"
                           " first, with the role vendhub.ops.app_host")
    there = places.free(place.releases if os.path.isdir(place.releases) else place.root)
    left = place.leftovers(STAGING)
    there_then = there + sum(places.size(folder) for folder in left)
    if there_then < needed:
        raise OpsError(f"staging needs {_megabytes(needed)} in {place.releases}, but {_megabytes(there_then)} are free;"
                       " free some space, for example with state=pruned, or set space_bytes when you know better")
    return {"bytes_needed": needed, "bytes_free": there, "leftovers": left}


def _needed(place: Place, recipe: Recipe) -> int:
    if recipe.space_bytes is not None:
        return recipe.space_bytes
    sizes = [places.size(os.path.join(place.releases, name)) for name in place.staged()]
    return int(max(sizes, default=0) * GROWTH) + SPARE_BYTES


def _staged(place: Place, release: Release) -> None:
    place.write(ledger.STAGED, release.id, path=release.path, sha=release.sha, ref=release.ref,
                migrations=list(release.migrations))


def _told(release: Release) -> Answer:
    return {"release": release.id, "path": release.path, "sha": release.sha, "ref": release.ref,
            "migrations": list(release.migrations)}


def _app(place: Place, folder: str, what: str) -> str:
    app = place.app(folder)
    if not os.path.isdir(app):
        raise BadOption(f"{what} has no folder {place.subfolder}; set subfolder to where the application lies in it")
    return app


def _new_id(place: Place, sha: str) -> str:
    """The time and the commit; a second later when that second has its release already."""
    second = time.time()
    while True:
        stamp = moment.utc(second).replace("-", "").replace(":", "")
        if not os.path.lexists(os.path.join(place.releases, f"{stamp}-{sha[:8]}")):
            return f"{stamp}-{sha[:8]}"
        second += 1


def _clearing(answer: Answer) -> tuple[str, ...]:
    return tuple(f"remove {left}, which a killed staging left" for left in answer["leftovers"])


def _linking(recipe: Recipe) -> tuple[str, ...]:
    return tuple(f"link {link.path} to {link.to}" for link in recipe.shared)


def _megabytes(count: int) -> str:
    return f"{count / 1024 / 1024:.0f} MiB"
