# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab asks of the machine it runs on: programs with a bounded time, root, locks."""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import sys
import time
import typing as t
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
CACHE = CHECKOUT / ".cache" / "lab"
LABS = CHECKOUT / ".lab"


class LabError(RuntimeError):
    """The lab cannot do what was asked; the message says what is wrong and what to do."""


def run(
    argv: t.Sequence[str | os.PathLike[str]], *, timeout: float = 30, check: bool = True, input: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program; one that fails or takes longer than ``timeout`` seconds is a ``LabError`` with its last words."""
    words = [os.fspath(word) for word in argv]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=timeout, check=False, input=input)
    except FileNotFoundError as gone:
        raise LabError(f"The program {words[0]} is not installed (make system).") from gone
    except subprocess.TimeoutExpired as slow:
        raise LabError(f"{' '.join(words)} did not end within {timeout:g} seconds.") from slow
    if check and done.returncode:
        said = (done.stderr.strip() or done.stdout.strip())[-2000:]
        raise LabError(f"{' '.join(words)} ended with {done.returncode}: {said}")
    return done


@contextlib.contextmanager
def lock(path: Path, *, timeout: float, waiting_for: str) -> t.Iterator[None]:
    """Hold an exclusive lock on ``path``; says once what it waits for, and gives up after ``timeout`` seconds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + timeout
    told = False
    with path.open("w") as handle:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise LabError(f"Waited {timeout:g} seconds for {waiting_for} ({path}).") from None
                if not told:
                    print(f"waiting for {waiting_for}", file=sys.stderr)
                    told = True
                time.sleep(0.1)
        yield


def is_mounted(path: Path) -> bool:
    """True when something is mounted at exactly this path."""
    return str(path) in mounted_under(path)


def mounted_under(path: Path) -> list[str]:
    """The mount points at or below a path, the deepest first."""
    points = [line.split()[1].replace("\\040", " ") for line in Path("/proc/self/mounts").read_text().splitlines()]
    return [point for point in reversed(points) if point == str(path) or point.startswith(f"{path}/")]
