# SPDX-License-Identifier: GPL-3.0-or-later
"""Small programs of the demo that go on when `make demo` is over, each known by its record."""

from __future__ import annotations

import sys
import typing as t

from .place import ROOT, Place
from .stack import process
from .stack.process import Process


def running(place: Place, name: str) -> t.Optional[Process]:
    """The program when it runs."""
    return Process.load(place.helpers / f"{name}.json")


def ensure(place: Place, name: str) -> Process:
    """The program ``demo.<name>``, started if it does not run."""
    found = running(place, name)
    if found is None:
        found = process.start([sys.executable, "-m", f"demo.{name}", str(place.folder)], place.helpers / f"{name}.log",
                              process.clean_environment(), cwd=ROOT, survives=True)
        found.save(place.helpers / f"{name}.json")
    return found


def stop(place: Place, name: str) -> None:
    """End the program if it runs."""
    found = running(place, name)
    if found is not None:
        found.stop()
