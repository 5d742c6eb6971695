# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""A packed release: made for other hosts, and unpacked again without trusting what is in it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import posixpath
import re
import tarfile
import time
import typing as t

from .._core.errors import OpsError
from . import account
from .account import Account
from .place import MARKER

ID = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}")
_MARKER_BYTES = 1024 * 1024
_MEMBERS = 2_000_000
_BLOCK = 4096
_CHUNK = 1024 * 1024


@dataclasses.dataclass(frozen=True)
class Contents:
    """What an archive holds: the release's own words, and the bytes it needs on the disk."""

    marker: dict[str, t.Any]
    size_bytes: int


class Deadline:
    """The end of the time for one piece of work."""

    def __init__(self, what: str, seconds: float, clock: t.Callable[[], float] = time.monotonic) -> None:
        self._what, self._seconds, self._clock = what, seconds, clock
        self._ends = clock() + seconds

    def check(self) -> None:
        """OpsError when the time is over."""
        if self._clock() > self._ends:
            raise OpsError(f"{self._what} did not end within {self._seconds:g} s")


def sha256(path: str, deadline: Deadline) -> str:
    """The checksum of a file."""
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            while chunk := file.read(_CHUNK):
                deadline.check()
                digest.update(chunk)
    except OSError as exc:
        raise OpsError(f"{path} cannot be read: {exc.strerror or exc}") from exc
    return digest.hexdigest()


def look(path: str, deadline: Deadline) -> Contents:
    """Read the whole archive once without writing anything; OpsError for what must not be unpacked."""
    marker: t.Optional[dict[str, t.Any]] = None
    size = count = 0
    links: set[str] = set()
    names: set[str] = set()
    with _opened(path) as tar:
        for member in _members(tar, path, deadline):
            count += 1
            name = _checked(member, path, links, names)
            size += member.size + _BLOCK
            if name == MARKER and member.isreg():
                marker = _marker(tar, member, path)
            if count > _MEMBERS:
                raise OpsError(f"{path} holds more than {_MEMBERS} files; that is no release")
    if marker is None:
        raise OpsError(f"{path} has no {MARKER} at its top: it was not made by state=packed")
    return Contents(marker, size)


def unpack(path: str, folder: str, owner: Account, deadline: Deadline) -> None:
    """Unpack an archive into an empty folder as the owner."""
    links: set[str] = set()
    names: set[str] = set()
    with _opened(path) as tar, account.acting(owner):
        # what may be unpacked is decided here, the same on every Python
        tar.extraction_filter = lambda member, _path: member
        for member in _members(tar, path, deadline):
            _checked(member, path, links, names)  # again: the file may have been replaced since it was looked at
            member.uid, member.gid, member.uname, member.gname = owner.uid, owner.gid, "", ""
            member.mode = (member.mode & 0o755) | (0o700 if member.isdir() else 0o600)
            tar.extract(member, folder, numeric_owner=True)


def pack(release: str, file: t.BinaryIO, without: t.Sequence[str], owner: Account, deadline: Deadline) -> None:
    """Write a release as tar.gz, in an order that is always the same; ``without`` are paths inside it to leave out."""
    with tarfile.open(fileobj=file, mode="w:gz", format=tarfile.PAX_FORMAT, compresslevel=6) as tar, \
            account.acting(owner):
        tar.add(os.path.join(release, MARKER), MARKER, filter=_anonymous)
        for where, folders, names in os.walk(release):
            folders.sort()
            for name in sorted([*folders, *names]):
                deadline.check()
                path = os.path.join(where, name)
                inside = os.path.relpath(path, release)
                if inside == MARKER or inside in without:
                    continue
                tar.inodes.clear()  # type: ignore[attr-defined]  # hard links are packed as files of their own
                tar.add(path, inside, recursive=False, filter=_anonymous)
            here = os.path.relpath(where, release)
            folders[:] = [name for name in folders if os.path.normpath(os.path.join(here, name)) not in without]


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def _opened(path: str) -> tarfile.TarFile:
    try:
        return tarfile.open(path, "r:gz")
    except (OSError, EOFError, tarfile.TarError) as exc:
        raise OpsError(f"{path} cannot be read as tar.gz: {getattr(exc, 'strerror', None) or exc}") from exc


def _members(tar: t.Any, path: str, deadline: Deadline) -> t.Iterator[tarfile.TarInfo]:
    try:
        while (member := tar.next()) is not None:
            deadline.check()
            yield member
            tar.members = []  # or a large archive stays in memory
        while tar.fileobj.read(_CHUNK):  # only at the very end gzip knows whether all of it was whole
            deadline.check()
    except (EOFError, tarfile.TarError, OSError, ValueError) as exc:
        if isinstance(exc, OSError) and exc.errno:
            raise
        raise OpsError(f"{path} is damaged: {exc}") from exc


def _checked(member: tarfile.TarInfo, path: str, links: set[str], names: set[str]) -> str:
    """The member's place in the release; OpsError when it, or what it links to, would lie outside.

    Nothing may lie below a link, and a link goes up only at its beginning: then what is inside by its words is inside.
    """
    name = posixpath.normpath(member.name)
    parts = name.split("/")
    if member.name.startswith("/") or ".." in member.name.split("/") or "\0" in member.name:
        raise OpsError(f"{path} would write outside of the release: {member.name!r}")
    if any("/".join(parts[:count]) in links for count in range(1, len(parts) + 1)):
        raise OpsError(f"{path} would write through a link of its own: {member.name!r}")
    if member.issym():
        target = member.linkname.split("/")
        up = next((index for index, part in enumerate(target) if part != ".."), len(target))
        if not member.linkname or member.linkname.startswith("/") or ".." in target[up:] or up > len(parts) - 1:
            raise OpsError(f"{path} holds a link out of the release: {member.name!r} to {member.linkname!r}")
        if name in names:
            raise OpsError(f"{path} holds {member.name!r} twice")
        links.add(name)
    elif member.islnk():
        if posixpath.normpath(member.linkname) not in names:
            raise OpsError(f"{path} holds a hard link to what is not in it: {member.name!r} to {member.linkname!r}")
    elif not (member.isreg() or member.isdir()):
        raise OpsError(f"{path} holds a device or pipe: {member.name!r}")
    if member.isreg() or member.islnk():
        names.add(name)
    return name


def _marker(tar: tarfile.TarFile, member: tarfile.TarInfo, path: str) -> dict[str, t.Any]:
    file = tar.extractfile(member)
    try:
        found = json.loads((file.read(_MARKER_BYTES) if file else b"").decode("utf-8"))
        texts = all(isinstance(found[key], str) for key in ("id", "sha", "ref"))
        if not texts or not ID.fullmatch(found["id"]) or not isinstance(found["migrations"], list):
            raise ValueError("it lacks an id, sha, ref or migrations")
    except (ValueError, TypeError, KeyError, RecursionError) as exc:
        raise OpsError(f"{path} has an unreadable {MARKER}: {exc}") from exc
    return t.cast("dict[str, t.Any]", found)
