# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Whose PM2 it is, and how to run its programs as that user without anything of our own environment."""

from __future__ import annotations

import dataclasses
import os
import pwd
import shutil
import typing as t

from .._core.command import Output, run
from .._core.errors import BadOption, CannotLook
from . import cli

PLACES = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
NODE_PLACES = ("/usr/local/bin", "/usr/bin", "/opt/node/bin")


@dataclasses.dataclass(frozen=True)
class Owner:
    """The user of a PM2 home."""

    name: str
    uid: int
    gid: int
    home: str
    groups: tuple[int, ...] = ()


@dataclasses.dataclass(frozen=True)
class Hand:
    """What can run PM2's programs: as whom, with which PM2_HOME, node and pm2."""

    owner: Owner
    pm2_home: str
    node: str
    program: str
    timeout_seconds: float

    def pm2(self, arguments: t.Sequence[str], folder: t.Optional[str] = None, umask: int = -1) -> Output:
        """Run the command line of PM2; the caller knows whether a daemon lives, for PM2 would start one."""
        return self.run([self.node, self.program, *arguments], folder, umask)

    def run(self, arguments: t.Sequence[str], folder: t.Optional[str] = None, umask: int = -1) -> Output:
        """Run a program as the owner."""
        folder = folder or (self.owner.home if os.path.isdir(self.owner.home) else "/")
        return run(arguments, self.timeout_seconds, environment=self.environment(folder), folder=folder, umask=umask,
                   owner=(self.owner.uid, self.owner.gid), groups=self.owner.groups)

    def environment(self, folder: str) -> dict[str, str]:
        """What PM2, and through it every app, gets to see of a login: all that is here ends up in the apps."""
        path = os.pathsep.join(dict.fromkeys((os.path.dirname(self.node), *PLACES)))
        return {"HOME": self.owner.home, "USER": self.owner.name, "LOGNAME": self.owner.name, "PATH": path,
                "LANG": "C.UTF-8", "PWD": folder, "PM2_HOME": self.pm2_home}


def owner_of(pm2_home: str, name: t.Optional[str]) -> Owner:
    """The named user, else who owns the folder (or the one above); CannotLook when we may not act for that user."""
    try:
        if name:
            found = pwd.getpwnam(name)
        else:
            folder = next(path for path in (pm2_home, os.path.dirname(pm2_home), "/") if os.path.isdir(path))
            found = pwd.getpwuid(os.stat(folder).st_uid)
    except KeyError:
        whom = repr(name) if name else f"with the number that owns {pm2_home}"
        raise BadOption(f"there is no user {whom} on this host; set owner or home of PM2") from None
    if os.geteuid() not in (0, found.pw_uid):
        raise CannotLook(f"PM2 of {pm2_home} belongs to {found.pw_name}, and this task runs as another user:"
                         f" become {found.pw_name} or root")
    groups = tuple(os.getgrouplist(found.pw_name, found.pw_gid))
    return Owner(found.pw_name, found.pw_uid, found.pw_gid, found.pw_dir, groups)


def hand(owner: Owner, pm2_home: str, program: t.Optional[str], node: t.Optional[str],
         timeout_seconds: float) -> Hand:
    """Find pm2 and node once; CannotLook says which of them is missing."""
    pm2 = cli.find(program)
    if pm2 is None:
        raise CannotLook(f"the program {program or 'pm2'} was not found on this host: install PM2, or set program")
    places = os.pathsep.join((os.path.dirname(pm2), os.environ.get("PATH", ""), *NODE_PLACES))
    found = shutil.which(node or "node", path=places)
    if found is None:
        raise CannotLook(f"the program {node or 'node'} was not found on this host: install Node.js, or set node")
    return Hand(owner, pm2_home, found, os.path.realpath(pm2), timeout_seconds)
