# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Whose files and programs a release is made of: act as that user, never as root in a folder that is not root's."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pwd
import typing as t

from .._core.errors import BadOption

UMASK = 0o022


@dataclasses.dataclass(frozen=True)
class Account:
    """A user of this host."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()
    name: str = ""
    home: str = "/"

    def run_as(self) -> dict[str, t.Any]:
        """What ``_core.command.run`` needs to run a program as this user."""
        return {"owner": (self.uid, self.gid), "groups": self.groups, "umask": UMASK}


def named(name: str) -> Account:
    """The user of this name or number; BadOption when there is none, or when we may not become it."""
    try:
        entry = pwd.getpwuid(int(name)) if name.isdigit() else pwd.getpwnam(name)
    except KeyError as exc:
        raise BadOption(f"owner: there is no user {name!r} on this host; make it, or name the application's") from exc
    if os.geteuid() not in (0, entry.pw_uid):
        raise BadOption(f"owner: only root or {name} itself may work on the releases of {name}; become one of them")
    return _account(entry)


def of(path: str) -> Account:
    """The user who owns a path."""
    status = os.stat(path)
    try:
        return _account(pwd.getpwuid(status.st_uid))
    except KeyError:  # a number without a name, as in an unpacked archive
        return Account(status.st_uid, status.st_gid)


@contextlib.contextmanager
def acting(account: Account) -> t.Iterator[None]:
    """Touch files as this user, so that no link of that user's leads root astray; nothing to do unless we are root."""
    umask = os.umask(UMASK)
    try:
        if os.geteuid() != 0 or account.uid == 0:
            yield
            return
        groups, gid = os.getgroups(), os.getegid()
        os.setgroups(account.groups)
        os.setegid(account.gid)
        os.seteuid(account.uid)
        try:
            yield
        finally:
            os.seteuid(0)
            os.setegid(gid)
            os.setgroups(groups)
    finally:
        os.umask(umask)


def _account(entry: pwd.struct_passwd) -> Account:
    groups = tuple(os.getgrouplist(entry.pw_name, entry.pw_gid))
    return Account(entry.pw_uid, entry.pw_gid, groups, entry.pw_name, entry.pw_dir)
