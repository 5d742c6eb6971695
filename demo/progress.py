# SPDX-License-Identifier: GPL-3.0-or-later
"""One line per step, with its seconds."""

from __future__ import annotations

import sys
import time
import typing as t

Result = t.TypeVar("Result", bound=t.Optional[str])


def step(title: str, work: t.Callable[[], Result]) -> Result:
    """Do the work; print its title while it runs and its seconds and result when it is done."""
    started = time.monotonic()
    if sys.stdout.isatty():
        print(f"  … {title}", end="\r", flush=True)
    try:
        result = work()
    except BaseException:
        print(f"  ✗ {title:<44} {time.monotonic() - started:5.1f} s", flush=True)
        raise
    print(f"  ✓ {title:<44} {time.monotonic() - started:5.1f} s  {result or ''}".rstrip(), flush=True)
    return result
