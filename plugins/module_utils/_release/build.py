# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Build a release: its steps as the owner, in a clean environment, with the whole output in a log."""

from __future__ import annotations

import contextlib
import dataclasses
import glob
import os
import typing as t

from .._core import files
from .._core.command import command_line
from .._core.errors import OpsError
from .._core.redact import redact
from . import account
from .account import Account
from .group import Group

LOG_MODE = 0o640
KEPT_LOGS = 20
_TAIL_BYTES, _TAIL_LINES, _TAIL_SIGNS = 8192, 6, 600
_END_SECONDS = 2.0


@dataclasses.dataclass(frozen=True)
class Build:
    """The steps as argument lists, and in what environment they run; nothing of ours is inherited."""

    steps: tuple[tuple[str, ...], ...]
    path: str
    environment: t.Mapping[str, str]
    timeout_seconds: float

    def run(self, folder: str, owner: Account, log: str) -> None:
        """Run all steps in the application's folder; OpsError names the first that failed and how it ended."""
        environment = {**clean(owner, self.path), **self.environment}
        with _opened(log) as output:
            for step in self.steps:
                os.write(output, f"$ {command_line(step)}\n".encode())
                group = Group(step, owner, environment=environment, folder=folder, output=output)
                in_time = False
                try:
                    in_time = group.wait(self.timeout_seconds)
                finally:
                    code = group.end(_END_SECONDS)
                if not in_time:
                    raise OpsError(f"'{command_line(step)}' did not end within {self.timeout_seconds:g} s;"
                                   f" its whole output is in {log}")
                if code:
                    raise OpsError(f"'{command_line(step)}' ended with {code}: {last_words(log)}; its whole output is"
                                   f" in {log}")


def clean(owner: Account, path: str) -> dict[str, str]:
    """An environment without anything of ours; no NODE_ENV, for production would leave the build tools out."""
    return {"PATH": path, "HOME": owner.home, "USER": owner.name, "LOGNAME": owner.name, "LANG": "C.UTF-8"}


def migrations(app: str, pattern: str, owner: Account) -> list[str]:
    """The names of the migrations a release brings, in their order."""
    with account.acting(owner):
        found = glob.glob(os.path.join(glob.escape(app), pattern), recursive=True)
    return sorted({os.path.splitext(os.path.basename(path))[0] for path in found})


def last_words(log: str) -> str:
    """The last lines of a log, redacted and short enough for a sentence."""
    with open(log, "rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL_BYTES))
        return brief(file.read().decode("utf-8", "replace"))


def brief(text: str) -> str:
    """The last lines of a text, redacted, printable and short enough for a sentence."""
    plain = ("".join(sign if sign.isprintable() else " " for sign in line).strip() for line in text.splitlines())
    telling = [line for line in plain if line and not line.startswith("at ")]  # a stack pushes out what it is about
    said = redact(" | ".join(telling[-_TAIL_LINES:]))
    return said[-_TAIL_SIGNS:] if said else "it said nothing"


@contextlib.contextmanager
def _opened(log: str) -> t.Iterator[int]:
    folder = os.path.dirname(log)
    files.private_folder(folder)
    old = sorted(name for name in os.listdir(folder) if name.endswith(".log"))
    for name in old[:max(0, len(old) - KEPT_LOGS + 1)]:
        files.remove(os.path.join(folder, name))
    try:
        handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, LOG_MODE)
        os.fchmod(handle, LOG_MODE)
    except OSError as exc:
        raise OpsError(f"{log} cannot be written: {exc.strerror or exc}") from exc
    try:
        yield handle
    finally:
        os.close(handle)
