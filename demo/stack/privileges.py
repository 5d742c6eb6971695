# SPDX-License-Identifier: GPL-3.0-or-later
"""Who a server runs as: ourselves, or an unprivileged user when we are root (PostgreSQL refuses root)."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
from pathlib import Path

from .process import StackError

UNPRIVILEGED = "nobody"


def give(folder: Path) -> None:
    """Make the folder, and when we are root hand it to the unprivileged user."""
    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        user = pwd.getpwnam(UNPRIVILEGED)
        os.chown(folder, user.pw_uid, user.pw_gid)


def unprivileged(arguments: list[str], *paths: Path) -> list[str]:
    """The command line that runs a program as a user who can reach ``paths`` and is not root."""
    if os.geteuid() != 0:
        return arguments
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise StackError("PostgreSQL refuses to run as root and setpriv is missing: install util-linux or be a user")
    user = pwd.getpwnam(UNPRIVILEGED)
    become = [setpriv, f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    if not all(_open_to_all(path) for path in paths):
        # a checkout below /root or a private temporary folder: the user may pass through folders, still not be root
        become += ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
    return [*become, "--", *arguments]


def _open_to_all(path: Path) -> bool:
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in path.resolve().parents)
