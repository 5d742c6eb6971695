# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Where the releases of an application live on this host, and what lies there."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import os
import stat
import time
import typing as t

from .._core import clock, files, moment
from .._core.errors import OpsError
from . import account, ledger
from .account import Account
from .ledger import Ledger, Release

MARKER = ".vendhub-release.json"
STAGING, REMOVING = ".staging-", ".removing-"
_MARKER_BYTES = 1024 * 1024
_LEDGER_BYTES = 64 * 1024 * 1024


@dataclasses.dataclass(frozen=True)
class Place:
    """The folders of one application; ``by`` and ``run`` are written into each line of its ledger."""

    root: str
    state_directory: str
    subfolder: str = ""
    by: str = ""
    run: str = ""

    @property
    def releases(self) -> str:
        return os.path.join(self.root, "releases")

    @property
    def repository(self) -> str:
        return os.path.join(self.root, "repository")

    @property
    def current(self) -> str:
        return os.path.join(self.root, "current")

    @property
    def ledger_path(self) -> str:
        return os.path.join(self.state_directory, "releases.jsonl")

    def keeper(self, folder: str) -> Account:
        """Whom to act as in root/ or releases/.

        Where the root is not root's, its owner could put a link in the place of any folder below it.
        """
        owner = account.of(self.root)
        return owner if owner.uid else account.of(folder)

    def app(self, release: str) -> str:
        """The application's folder inside a release."""
        return os.path.join(release, self.subfolder) if self.subfolder else release

    def read(self) -> Ledger:
        """The ledger; empty when there is none yet."""
        try:
            with open(self.ledger_path, "rb") as file:
                return ledger.read(file.read(_LEDGER_BYTES).decode("utf-8", "replace"))
        except FileNotFoundError:
            return Ledger()
        except OSError as exc:
            raise OpsError(f"{self.ledger_path} cannot be read: {exc.strerror or exc}; become root") from exc

    def write(self, event: str, release: str, **said: t.Any) -> None:
        """Append one line to the ledger, durably."""
        files.private_folder(self.state_directory)
        when = clock.now()
        line = ledger.line(moment.utc(when.epoch), event, release, **said, by=self.by, run=self.run, boot=when.boot,
                           uptime=round(when.uptime, 3))
        files.reserved(self.state_directory, lambda: files.append_line(self.ledger_path, line))

    @contextlib.contextmanager
    def guarded(self, what: str, timeout_seconds: float = 30.0) -> t.Iterator[None]:
        """Be the only one on this host who does this."""
        files.private_folder(self.state_directory)
        with files.guarded(os.path.join(self.state_directory, f".{what}.guard"), timeout_seconds):
            yield

    def target(self) -> t.Optional[str]:
        """The folder that ``current`` points to; None when there is no such link."""
        try:
            return os.path.normpath(os.path.join(self.root, os.readlink(self.current)))
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise OpsError(f"{self.current} is no link ({exc.strerror}); releases are switched by that link, so move"
                           " away what is there") from exc

    def current_id(self, known: Ledger) -> t.Optional[str]:
        """The release that is served: what the link says, or on a host without one what was adopted last."""
        target = self.target()
        if target is None:
            adopted = [one for one in known.releases if one.adopted and not one.removed_at]
            return adopted[-1].id if adopted else None
        by_path = [one.id for one in known.releases if one.path == target and not one.removed_at]
        return by_path[-1] if by_path else os.path.basename(target)

    def staged(self) -> list[str]:
        """The names of everything in releases/ that is or should be a release."""
        return [name for name in self._names() if not name.startswith(".")]

    def leftovers(self, *prefixes: str) -> list[str]:
        """The folders that a killed run left behind, as paths."""
        return [os.path.join(self.releases, name) for name in self._names() if name.startswith(prefixes)]

    def _names(self) -> list[str]:
        try:
            return sorted(entry.name for entry in os.scandir(self.releases) if entry.is_dir(follow_symlinks=False))
        except FileNotFoundError:
            return []
        except OSError as exc:
            raise OpsError(f"{self.releases} cannot be read: {exc.strerror or exc}") from exc


def now() -> str:
    """This moment as the ledger writes it."""
    return moment.utc(time.time())


def marker(release: str) -> t.Optional[dict[str, t.Any]]:
    """What a staged release says about itself; None when it is none."""
    try:
        handle = os.open(os.path.join(release, MARKER), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            found = json.loads(file.read(_MARKER_BYTES).decode("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("id"), str) else None


def missing(place: Place, release: Release) -> str:
    """Why a release of the ledger cannot be served from the disk; empty when it can."""
    if not os.path.isdir(place.app(release.path)):
        return f"its folder {place.app(release.path)} is not there"
    if release.adopted:
        return ""
    found = marker(release.path)
    if found is None:
        return f"{release.path} has no readable {MARKER}, so it is not a whole release"
    return "" if found["id"] == release.id else f"{release.path} says that it is {found['id']}"


def require(place: Place) -> None:
    """OpsError unless the application's folder is there."""
    if not os.path.isdir(place.root):
        raise OpsError(f"{place.root} is not there; the role vendhub.ops.app_host makes it, or set root")


def folder(place: Place, path: str, owner: Account) -> None:
    """Make a folder for this user in root/ or releases/ unless it is there."""
    with account.acting(place.keeper(os.path.dirname(path))), contextlib.suppress(FileExistsError):
        os.mkdir(path, 0o755)
        if os.geteuid() == 0:
            os.chown(path, owner.uid, owner.gid, follow_symlinks=False)


def size(path: str) -> int:
    """The bytes a folder takes on the disk, hard links counted once."""
    return counted(path, math.inf)[0]


def known_size(release: str) -> t.Optional[int]:
    """The bytes a release took when it was staged, as its marker says."""
    said = (marker(release) or {}).get("bytes")
    return said if isinstance(said, int) and not isinstance(said, bool) and said >= 0 else None


def counted(path: str, deadline: float, clock: t.Callable[[], float] = time.monotonic) -> tuple[int, bool]:
    """The bytes a folder takes on the disk, hard links counted once, and whether that is all of it."""
    total, seen = 0, set()
    for where, folders, names in os.walk(path):
        if clock() > deadline:
            return total, False
        for name in (*folders, *names):
            with contextlib.suppress(OSError):  # it went away meanwhile
                status = os.lstat(os.path.join(where, name))
                if (status.st_dev, status.st_ino) not in seen:
                    total += status.st_blocks * 512
                if status.st_nlink > 1 and not stat.S_ISDIR(status.st_mode):
                    seen.add((status.st_dev, status.st_ino))
    return total, True


def free(path: str) -> int:
    """The bytes that are free for everybody on the file system of this path."""
    status = os.statvfs(path)
    return status.f_bavail * status.f_frsize


def remove(place: Place, path: str, deadline: float, clock: t.Callable[[], float] = time.monotonic) -> None:
    """Remove a folder of root/ or releases/ and everything in it, following no link; it may be gone already.

    OpsError when the time is over or it cannot be.
    """
    keeper = place.keeper(os.path.dirname(path))
    if not os.path.lexists(path):
        return
    with account.acting(keeper if keeper.uid else account.of(path)):
        empty(path, deadline, clock)
    with account.acting(keeper):
        try:
            os.rmdir(path)
        except OSError as exc:
            _cannot_remove(exc)


def empty(path: str, deadline: float, clock: t.Callable[[], float] = time.monotonic) -> None:
    """Remove everything in a folder as whoever we are, following no link."""
    for where, folders, names in os.walk(path, topdown=False, onerror=_cannot_remove):
        if clock() > deadline:
            raise OpsError(f"{path} could not be removed in time; run it again for the rest")
        try:
            for name in names:
                os.unlink(os.path.join(where, name))
            for name in folders:
                inner = os.path.join(where, name)
                if os.path.islink(inner):
                    os.unlink(inner)
                else:
                    os.rmdir(inner)
        except OSError as exc:
            _cannot_remove(exc)


def _cannot_remove(exc: OSError) -> None:
    raise OpsError(f"{exc.filename} cannot be removed: {exc.strerror or exc}; see whose it is") from exc
