# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Run a program on this host: an argument list, a time limit, and everything it said when it fails."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import typing as t

from .errors import CannotLook, OpsError
from .redact import redact

LAST_SECONDS = 5.0  # for a killed program to be gone


@dataclasses.dataclass(frozen=True)
class Output:
    """What a program left behind."""

    code: int
    out: bytes
    err: bytes


def run(arguments: t.Sequence[str], timeout_seconds: float, *, environment: t.Optional[t.Mapping[str, str]] = None,
        owner: t.Optional[tuple[int, int]] = None, folder: t.Optional[str] = None,
        groups: t.Sequence[int] = (), umask: int = -1) -> Output:
    """Run a program without a shell, in a process group of its own that ends with the time limit.

    ``environment`` replaces the inherited one; ``owner`` is the (uid, gid) to become, with these further ``groups``;
    ``folder`` is where it runs; -1 keeps the ``umask``.
    CannotLook when the program (or the folder) does not exist, OpsError when the time is over.
    """
    try:
        process = subprocess.Popen(
            list(arguments), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=None if environment is None else dict(environment), start_new_session=True, cwd=folder,
            umask=umask, **_become(owner, groups),
        )
    except FileNotFoundError as exc:
        if folder is not None and exc.filename == folder:
            raise CannotLook(f"the folder {folder} is not on this host") from exc
        raise CannotLook(f"the program {arguments[0]!r} is not installed on this host") from exc
    except PermissionError as exc:
        raise CannotLook(f"{arguments[0]!r} must not be run by this user: {exc.strerror}") from exc
    try:
        out, err = process.communicate(timeout=timeout_seconds)
    except subprocess.TimeoutExpired as exc:
        os.killpg(process.pid, signal.SIGKILL)
        _abandon(process)
        raise OpsError(f"{command_line(arguments)} did not end within {timeout_seconds:g} s") from exc
    return Output(process.returncode, out, err)


def _abandon(process: subprocess.Popen[bytes]) -> None:
    """Collect what was killed; a child that left its group and keeps the pipes, or the kernel, does not hold us."""
    try:
        process.communicate(timeout=LAST_SECONDS)
    except subprocess.TimeoutExpired:
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def command_line(arguments: t.Sequence[str]) -> str:
    """The command as shown to people, without secrets."""
    return redact(" ".join(arguments))


def _become(owner: t.Optional[tuple[int, int]], groups: t.Sequence[int]) -> dict[str, t.Any]:
    if owner is None or owner[0] == os.geteuid():
        return {}
    return {"user": owner[0], "group": owner[1], "extra_groups": list(groups)}
