# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""The second way to read PM2, for a daemon whose socket speaks a dialect that we do not know."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import typing as t

from .._core.command import run
from .._core.errors import CannotLook
from .rpc import Peer


def jlist(program: str, home: str, daemon: Peer, timeout_seconds: float) -> t.Any:
    """What ``pm2 jlist`` prints, asked as the daemon's owner and only while that daemon is proven alive.

    Without a living daemon PM2's command line would start one: the caller has the peer from an open socket.
    """
    environment = {"PM2_HOME": home, "HOME": _home_of(daemon.uid), "PATH": os.environ.get("PATH", os.defpath),
                   "NO_COLOR": "1", "PM2_DISCRETE_MODE": "true"}
    output = run([program, "jlist", "--silent"], timeout_seconds, environment=environment,
                 owner=(daemon.uid, daemon.gid))
    for line in reversed(output.out.decode("utf-8", "replace").splitlines()):
        if line.startswith("["):
            try:
                return json.loads(line)
            except ValueError:
                break
    raise CannotLook(f"'pm2 jlist' ended with {output.code} and printed no list of apps")


def find(program: t.Optional[str]) -> t.Optional[str]:
    """Where PM2's command line is: the option, or the search path with the usual global folders."""
    places = os.pathsep.join((os.environ.get("PATH", ""), "/usr/local/bin", "/usr/bin", "/opt/node/bin"))
    return shutil.which(program or "pm2", path=places)


def version(program: str) -> t.Optional[str]:
    """The version of an installed PM2 by its package file; starting Node for it would take 0.3 s and a daemon."""
    package = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(program))), "package.json")
    try:
        with open(package, encoding="utf-8") as file:
            data = json.load(file)
    except (OSError, ValueError):
        return None
    return str(data["version"]) if data.get("name") == "pm2" and "version" in data else None


def _home_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_dir
    except KeyError:
        return "/nonexistent"
